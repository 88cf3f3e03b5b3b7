import { afterEach, beforeEach, expect } from "vitest";
import { TestHost } from "./agent-process.ts";
import { TestControlPlane } from "./control-plane.ts";
import type { TestRevision } from "./package.ts";

/** A control plane and a host for each test; both are gone after it, with everything the host ran. */
export class Fixture {
  plane!: TestControlPlane;
  host!: TestHost;

  static forEachTest(address: string): Fixture {
    const fixture = new Fixture();
    beforeEach(async () => {
      fixture.plane = await TestControlPlane.start();
      fixture.host = await TestHost.create(address, fixture.plane);
    });
    afterEach(async () => {
      await fixture.host.dispose(fixture.plane.hostId);
      await fixture.plane.close();
    });
    return fixture;
  }

  async startInstance({ revisionId }: TestRevision, letter = "a"): Promise<StartFacts> {
    const outcome = await this.plane.run("start-instance", { letter, revisionId });
    if (outcome.kind !== "succeeded") throw new Error(JSON.stringify(outcome));
    return outcome.facts as unknown as StartFacts;
  }

  async startHealthy(revision: TestRevision, letter = "a"): Promise<StartFacts> {
    const facts = await this.startInstance(revision, letter);
    expect(await this.awaitHealth(revision, { letter })).toMatchObject({ kind: "succeeded" });
    return facts;
  }

  awaitHealth({ configuration }: TestRevision, { letter = "a", minimumHealthyMs = 0, ...health }: HealthWish = {}) {
    const wanted = { ...configuration.health, ...health };
    return this.plane.run("await-health", { letter, health: wanted, minimumHealthyMs });
  }

  stop(stopMs: number, letter = "a") {
    return this.plane.run("stop-instance", { letter, stopMs });
  }
}

interface HealthWish {
  readonly letter?: string;
  readonly minimumHealthyMs?: number;
  readonly startSeconds?: number;
}

export interface StartFacts {
  readonly port: number;
  readonly pid: number;
  readonly address: string;
  readonly reused: boolean;
}

export async function ask({ address, port }: { address: string; port: number }) {
  const response = await fetch(`http://${address}:${port}/`);
  return (await response.json()) as { version: string; pid: number; env: Record<string, string> };
}

import type { ServiceId } from "@evenkeel/contracts/id";
import { OPERATION_ORDER } from "@evenkeel/contracts/operation-order";
import { SCALE_ORDER } from "@evenkeel/contracts/scale-order";
import type { Service } from "@evenkeel/contracts/service";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import { useLocation, useSearchParams } from "wouter";
import { PlanPreview, usePreview } from "../change/plan-preview.tsx";
import { StartButton } from "../change/start-button.tsx";
import { client } from "../connection.ts";
import { LinkButton } from "../kit/button.tsx";
import { useEntryState } from "../kit/entry-state.ts";
import { Segments } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Card, Skeleton } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { StrategyStep } from "../release/strategy-step.tsx";
import { PageHead } from "../shell/page.tsx";
import { HostPicker } from "./host-picker.tsx";
import { FIRST_STRATEGY, OPERATIONS, type Operation, type OperationWish, orderOf } from "./wish.ts";
import "../release/release.css";

/** Restarts, stops, starts or scales a service, with the plan in sight before anything begins. Give it the id as its key. */
export function OperationPage({ id }: { readonly id: ServiceId }) {
  const service = useQuery({
    queryKey: ["service", id],
    queryFn: () => client.getService({ params: { serviceId: id } }),
  });
  if (service.isError) return <ErrorNotice error={service.error} />;
  return service.isSuccess ? <Form service={service.data} /> : <Skeleton lines={6} />;
}

function Form({ service }: { readonly service: Service }) {
  const { t } = useWords();
  const [, navigate] = useLocation();
  const [search, setSearch] = useSearchParams();
  const operation = OPERATIONS.find((each) => each === search.get("operation")) ?? "restart";
  const [wish, setWish] = useEntryState<OperationWish>("operation", { hosts: [], strategy: FIRST_STRATEGY });
  const known = useHosts(service);
  const order = orderOf({ service, operation, standing: known.standing }, useDeferredValue(wish));
  const kind = operation === "scale" ? SCALE_ORDER : OPERATION_ORDER;
  const dryRun = usePreview(kind, order);
  const start = useMutation({
    mutationFn: () => client.createChange({ body: { kind, spec: order, start: {} } }),
    onSuccess: ({ id }) => navigate(`/changes/${id}`),
  });
  return (
    <>
      <PageHead title={t("operate.title", { service: service.name })} lead={t(`operate.${operation}.lead`)}>
        <LinkButton look="quiet" icon="back" href={`/services/${service.id}`}>
          {t("diagnosis.back.service")}
        </LinkButton>
        <StartButton kind={kind} ready={dryRun.ready} act={start}>
          {t(`operate.${operation}.start`)}
        </StartButton>
      </PageHead>
      <div className="release">
        <div className="stack">
          <Card title={t("operate.what")}>
            <Segments<Operation>
              label={t("operate.what")}
              value={operation}
              options={OPERATIONS.map((value) => ({ value, label: t(`operate.${value}`) }))}
              onChange={(value) => {
                setSearch({ operation: value }, { replace: true });
                setWish((now) => ({ ...now, hosts: [] }));
              }}
            />
          </Card>
          <Card title={t(operation === "scale" ? "operate.scale.hosts" : "operate.hosts")}>
            <HostPicker
              hosts={known.hosts}
              standing={known.standing}
              operation={operation}
              chosen={wish.hosts}
              onChange={(hosts) => setWish((now) => ({ ...now, hosts }))}
            />
          </Card>
          <Card title={t("release.strategy")}>
            <StrategyStep value={wish.strategy} onChange={(strategy) => setWish((now) => ({ ...now, strategy }))} />
          </Card>
        </div>
        <div className="release-plan stack">
          {start.isError && <ErrorNotice error={start.error} />}
          <PlanPreview kind={kind} spec={order} dryRun={dryRun} hint={t("operate.preview.hint")} />
        </div>
      </div>
    </>
  );
}

const MOST_HOSTS = 200;

/** The hosts of its workspace, and those on which the service stands. */
function useHosts({ id, workspace }: Service) {
  const hosts = useQuery({
    queryKey: ["hosts of", workspace],
    queryFn: () => client.listHosts({ query: { workspace, limit: MOST_HOSTS } }),
  });
  const instances = useQuery({
    queryKey: ["instances", id],
    queryFn: () => client.listInstances({ params: { serviceId: id }, query: { limit: MOST_HOSTS } }),
  });
  const standing = new Set(instances.data?.items.map(({ hostName }) => hostName as string) ?? []);
  return { hosts: hosts.data?.items ?? [], standing };
}

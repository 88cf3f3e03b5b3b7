import type { ServiceId } from "@evenkeel/contracts/id";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useWorkspace } from "../live/workspace.tsx";

/** The workspace's stream tells that a service stands otherwise: what was read of it is read anew. */
export function useReadAgain(serviceId: ServiceId): void {
  const { standing } = useWorkspace();
  const queries = useQueryClient();
  const seen = useRef<string | null>(null);
  const found = standing?.services.find((service) => service.serviceId === serviceId);
  const now = found === undefined ? null : JSON.stringify(found);
  useEffect(() => {
    if (now === null || seen.current === now) return;
    const first = seen.current === null;
    seen.current = now;
    if (first) return;
    for (const what of ["service", "instances"]) void queries.invalidateQueries({ queryKey: [what, serviceId] });
  }, [queries, serviceId, now]);
}

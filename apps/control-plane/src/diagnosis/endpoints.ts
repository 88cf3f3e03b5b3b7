import type { IncomingHttpHeaders } from "node:http";
import { type Caller, credentialsIn, type Handlers } from "../http/index.ts";
import { type Asker, type DiagnosisDeps, readChangeDiagnosis, readHostDiagnosis, readService } from "./read.ts";

const askerOf = ({ caller, headers }: { caller: Caller; headers: IncomingHttpHeaders }): Asker => ({
  caller,
  credentials: credentialsIn(headers),
});

export function diagnosisHandlers(
  deps: DiagnosisDeps,
): Handlers<"diagnoseService" | "diagnoseHost" | "diagnoseChange"> {
  return {
    diagnoseService: async (request) => await readService(deps, askerOf(request), request.params.serviceId),
    diagnoseHost: async (request) => await readHostDiagnosis(deps, askerOf(request), request.params.hostId),
    diagnoseChange: async (request) => await readChangeDiagnosis(deps, askerOf(request), request.params.changeId),
  };
}

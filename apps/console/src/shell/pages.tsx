import { ChangeId, HostId, ServiceId } from "@evenkeel/contracts/id";
import { lazy, type ReactNode, Suspense } from "react";
import { Route, Switch, useLocation } from "wouter";
import { HomePage } from "../home/home-page.tsx";
import { Guard } from "../kit/guard.tsx";
import { Empty, Skeleton } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "./page.tsx";

const ChangePage = lazy(async () => ({ default: (await import("../change/change-page.tsx")).ChangePage }));
const ChangeList = lazy(async () => ({ default: (await import("../list/change-list.tsx")).ChangeList }));
const ReleasePage = lazy(async () => ({ default: (await import("../release/release-page.tsx")).ReleasePage }));
const ServicePage = lazy(async () => ({ default: (await import("../service/service-page.tsx")).ServicePage }));
const TopologyPage = lazy(async () => ({ default: (await import("../topology/topology-page.tsx")).TopologyPage }));
const ModuleList = lazy(async () => ({ default: (await import("../module/module-list.tsx")).ModuleList }));
const ModulePage = lazy(async () => ({ default: (await import("../module/module-page.tsx")).ModulePage }));
const PlacementPage = lazy(async () => ({ default: (await import("../module/placement-page.tsx")).PlacementPage }));
const BasePage = lazy(async () => ({ default: (await import("../module/base-page.tsx")).BasePage }));
const RuleList = lazy(async () => ({ default: (await import("../traffic/rule-list.tsx")).RuleList }));
const rulePages = () => import("../traffic/rule-page.tsx");
const NewRulePage = lazy(async () => ({ default: (await rulePages()).NewRulePage }));
const RulePage = lazy(async () => ({ default: (await rulePages()).RulePage }));
const CellPage = lazy(async () => ({ default: (await import("../traffic/cell-page.tsx")).CellPage }));
const CertificateList = lazy(async () => ({
  default: (await import("../certificate/certificate-list.tsx")).CertificateList,
}));
const ScalingRuleList = lazy(async () => ({
  default: (await import("../scaling/rule-list.tsx")).ScalingRuleList,
}));
const SplitPage = lazy(async () => ({ default: (await import("../split/split-page.tsx")).SplitPage }));
const HostPage = lazy(async () => ({ default: (await import("../host/host-page.tsx")).HostPage }));
const OperationPage = lazy(async () => ({ default: (await import("../operation/operation-page.tsx")).OperationPage }));
const diagnosis = () => import("../diagnosis/diagnosis-page.tsx");
const OfService = lazy(async () => ({ default: (await diagnosis()).ServiceDiagnosis }));
const OfHost = lazy(async () => ({ default: (await diagnosis()).HostDiagnosis }));
const OfChange = lazy(async () => ({ default: (await diagnosis()).ChangeDiagnosis }));
const DoctorPage = lazy(async () => ({ default: (await import("../system/doctor-page.tsx")).DoctorPage }));

const SettingsPage = lazy(async () => ({ default: (await import("../system/settings-page.tsx")).SettingsPage }));

const catalogue = () => import("../list/catalogue.tsx");
const ApplicationList = lazy(async () => ({ default: (await catalogue()).ApplicationList }));
const PackageList = lazy(async () => ({ default: (await catalogue()).PackageList }));
const BuildpackList = lazy(async () => ({ default: (await catalogue()).BuildpackList }));

const infrastructure = () => import("../list/infrastructure.tsx");
const ServiceList = lazy(async () => ({ default: (await infrastructure()).ServiceList }));
const HostList = lazy(async () => ({ default: (await infrastructure()).HostList }));
const RouteList = lazy(async () => ({ default: (await infrastructure()).RouteList }));
const GatewayList = lazy(async () => ({ default: (await import("../list/gateways.tsx")).GatewayList }));

const ApprovalList = lazy(async () => ({ default: (await import("../governance/approval-list.tsx")).ApprovalList }));
const AdmissionList = lazy(async () => ({ default: (await import("../governance/admission-list.tsx")).AdmissionList }));
const ReviewList = lazy(async () => ({ default: (await import("../governance/review-list.tsx")).ReviewList }));
const LockList = lazy(async () => ({ default: (await import("../governance/lock-list.tsx")).LockList }));
const WindowList = lazy(async () => ({ default: (await import("../governance/window-list.tsx")).WindowList }));
const records = () => import("../governance/records.tsx");
const AuditList = lazy(async () => ({ default: (await records()).AuditList }));
const TokenList = lazy(async () => ({ default: (await records()).TokenList }));

/** Pages below `/w/<workspace>/`. */
const OF_WORKSPACE = {
  changes: ChangeList,
  topology: TopologyPage,
  modules: ModuleList,
  placement: PlacementPage,
  bases: BasePage,
  services: ServiceList,
  release: ReleasePage,
  hosts: HostList,
  routes: RouteList,
  gateways: GatewayList,
  cells: CellPage,
  certificates: CertificateList,
  "scaling-rules": ScalingRuleList,
  "traffic-rules": RuleList,
  "new-traffic-rule": NewRulePage,
} as const;

/** Which address is which page. */
export function Pages({ workspace }: { readonly workspace: string }) {
  const [path] = useLocation();
  return (
    <Guard key={path}>
      <Suspense fallback={<Skeleton lines={6} />}>
        <Switch>
          <Route path="/w/:workspace">
            <HomePage />
          </Route>
          {Object.entries(OF_WORKSPACE).map(([path, Page]) => (
            <Route key={path} path={`/w/:workspace/${path}`}>
              <Page workspace={workspace} />
            </Route>
          ))}
          <Route path="/w/:workspace/traffic-rules/:name">
            {({ name }) => <RulePage workspace={workspace} name={name} key={name} />}
          </Route>
          <Route path="/w/:workspace/modules/:name">
            {({ name }) => <ModulePage workspace={workspace} name={name} key={name} />}
          </Route>
          <Route path="/w/:workspace/bases/:name/split">
            {({ name }) => <SplitPage workspace={workspace} cluster={name} key={name} />}
          </Route>
          <Route path="/changes/:id">{({ id }) => <One id={id} schema={ChangeId} page={ChangePage} />}</Route>
          <Route path="/services/:id">{({ id }) => <One id={id} schema={ServiceId} page={ServicePage} />}</Route>
          <Route path="/services/:id/operate">
            {({ id }) => <One id={id} schema={ServiceId} page={OperationPage} />}
          </Route>
          <Route path="/services/:id/diagnosis">
            {({ id }) => <One id={id} schema={ServiceId} page={OfService} />}
          </Route>
          <Route path="/hosts/:id">{({ id }) => <One id={id} schema={HostId} page={HostPage} />}</Route>
          <Route path="/hosts/:id/diagnosis">{({ id }) => <One id={id} schema={HostId} page={OfHost} />}</Route>
          <Route path="/changes/:id/diagnosis">{({ id }) => <One id={id} schema={ChangeId} page={OfChange} />}</Route>
          <Route path="/applications" component={ApplicationList} />
          <Route path="/packages" component={PackageList} />
          <Route path="/buildpacks" component={BuildpackList} />
          <Route path="/approvals" component={ApprovalList} />
          <Route path="/admissions" component={AdmissionList} />
          <Route path="/reviews" component={ReviewList} />
          <Route path="/windows" component={WindowList} />
          <Route path="/locks" component={LockList} />
          <Route path="/audit" component={AuditList} />
          <Route path="/tokens" component={TokenList} />
          <Route path="/doctor" component={DoctorPage} />
          <Route path="/settings" component={SettingsPage} />
          <Route>
            <Missing />
          </Route>
        </Switch>
      </Suspense>
    </Guard>
  );
}

interface OneProps<Id extends string> {
  readonly id: string;
  readonly schema: { safeParse(text: string): { success: true; data: Id } | { success: false } };
  readonly page: (props: { readonly id: Id }) => ReactNode;
}

/** One thing by its id; what cannot be an id is no page. */
function One<Id extends string>({ id, schema, page: Page }: OneProps<Id>) {
  const parsed = schema.safeParse(id);
  return parsed.success ? <Page id={parsed.data} key={parsed.data} /> : <Missing />;
}

function Missing() {
  const { t } = useWords();
  return (
    <>
      <PageHead title={t("error.missing")} />
      <Empty icon="search" title={t("error.missing.hint")} />
    </>
  );
}

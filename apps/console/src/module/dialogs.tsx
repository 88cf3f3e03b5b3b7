import type { Base, BaseCluster } from "@evenkeel/contracts/base-cluster";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { MODULE_RELEASE } from "@evenkeel/contracts/module-release";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { AT_ONCE, type Pace, PaceFields } from "../change/pace.tsx";
import { PlanDialog } from "../change/plan-dialog.tsx";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Field } from "../kit/field.tsx";
import { Amount } from "../kit/inputs.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { useWords } from "../locale/index.tsx";
import { Businesses, Check, Choose, Tags, tagsOf } from "./fields.tsx";
import type { StandAction } from "./standing.ts";

interface ModuleDialogProps {
  readonly workspace: string;
  readonly module: string;
  readonly clusters: readonly BaseCluster[];
  readonly cluster: string;
  readonly onClose: () => void;
}

interface ReleaseProps extends ModuleDialogProps {
  readonly versions: readonly string[];
  readonly version: string;
}

/** A version of a module onto the bases of a cluster. */
export function ReleaseModule({ workspace, module, clusters, versions, onClose, ...first }: ReleaseProps) {
  const { t } = useWords();
  const [cluster, setCluster] = useState(first.cluster || (clusters.find(({ buffer }) => !buffer)?.name ?? ""));
  const [version, setVersion] = useState(first.version);
  const [publish, setPublish] = useState(true);
  const [tags, setTags] = useState("");
  const [keep, setKeep] = useState(false);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const known = clusters.find(({ name }) => name === cluster)?.businesses.map(({ name }) => name as string) ?? [];
  const businesses = known.filter((name) => chosen.includes(name));
  const [pace, setPace] = useState<Pace>({ ...AT_ONCE, batches: "each" });
  const spec =
    cluster === "" || version === ""
      ? null
      : {
          ...{ workspace, cluster, keep, strategy: pace },
          modules: [{ name: module, version }],
          ...(publish ? { publish: { tags: tagsOf(tags) } } : {}),
          ...(businesses.length === 0 ? {} : { businesses }),
        };
  return (
    <PlanDialog
      title={t("module.release.of", { module })}
      start={t("module.release")}
      kind={MODULE_RELEASE}
      spec={spec}
      onClose={onClose}
    >
      <div className="fields">
        <Choose label={t("common.version")} value={version} options={versions} onChange={setVersion} />
        <Choose
          label={t("module.cluster")}
          value={cluster}
          options={clusters.map(({ name }) => name)}
          onChange={setCluster}
        />
      </div>
      <Check checked={publish} onChange={setPublish} label={t("module.publish")} hint={t("module.publish.hint")} />
      {publish && <Tags value={tags} onChange={setTags} />}
      <Check checked={keep} onChange={setKeep} label={t("module.keep")} hint={t("module.keep.hint")} />
      {known.length > 0 && <Businesses known={known} chosen={businesses} onChange={setChosen} />}
      <PaceFields value={pace} onChange={setPace} />
    </PlanDialog>
  );
}

interface OperateProps extends ModuleDialogProps {
  readonly version: string;
  readonly action: StandAction;
}

/** Publishes, withdraws, activates, deactivates or uninstalls a version where it stands. */
export function OperateModule({ workspace, module, cluster, version, action, onClose }: OperateProps) {
  const { t } = useWords();
  const [tags, setTags] = useState("");
  const [pace, setPace] = useState<Pace>(AT_ONCE);
  const own = { workspace, cluster, module, version, strategy: pace };
  const spec = { operation: action, ...own, ...(action === "publish" ? { tags: tagsOf(tags) } : {}) };
  return (
    <PlanDialog
      title={`${t(`module.${action}`)} · ${module} ${version} · ${cluster}`}
      start={t(`module.${action}`)}
      kind={MODULE_OPERATION}
      spec={spec}
      onClose={onClose}
    >
      <p>{t(`module.${action}.hint`)}</p>
      {action === "publish" && <Tags value={tags} onChange={setTags} />}
      <PaceFields value={pace} onChange={setPace} />
    </PlanDialog>
  );
}

interface ScaleProps extends ModuleDialogProps {
  readonly bases: number;
}

/** So many bases of a cluster hold the module; more come from the buffer. */
export function ScaleModule({ workspace, module, clusters, cluster: first, bases, onClose }: ScaleProps) {
  const { t } = useWords();
  const [cluster, setCluster] = useState(first);
  const [count, setCount] = useState(Math.max(1, bases));
  const own = clusters.filter(({ buffer, placements }) => !buffer && placements.some((one) => one.module === module));
  const spec = cluster === "" ? null : { operation: "scale", workspace, cluster, module, bases: count };
  return (
    <PlanDialog
      title={t("module.scale.of", { module })}
      start={t("module.scale")}
      kind={MODULE_OPERATION}
      spec={spec}
      onClose={onClose}
    >
      <p>{t("module.scale.hint")}</p>
      <div className="fields">
        <Choose
          label={t("module.cluster")}
          value={cluster}
          options={own.map(({ name }) => name)}
          onChange={setCluster}
        />
        <Amount least={1} label={t("module.bases")} value={count} onChange={setCount} />
      </div>
    </PlanDialog>
  );
}

interface MoveProps {
  readonly workspace: string;
  readonly clusters: readonly BaseCluster[];
  readonly bases: readonly Base[];
  readonly onClose: () => void;
}

/** Bases change cluster, in the same process. */
export function MoveBases({ workspace, clusters, bases, onClose }: MoveProps) {
  const { t } = useWords();
  const [to, setTo] = useState("");
  const [pace, setPace] = useState<Pace>({ ...AT_ONCE, batches: "each" });
  const here = bases.every(({ cluster }) => cluster === bases[0]?.cluster) ? bases[0]?.cluster : undefined;
  const options = clusters.map(({ name }) => name as string).filter((name) => name !== here);
  const names = bases.map(({ name }) => name);
  const nowhere = t("module.no.cluster");
  const spec =
    to === "" ? null : { operation: "move", workspace, bases: names, to: to === nowhere ? null : to, strategy: pace };
  return (
    <PlanDialog
      title={t("module.move.of", { count: bases.length })}
      start={t("module.move")}
      kind={MODULE_OPERATION}
      spec={spec}
      onClose={onClose}
    >
      <p>{t("module.move.hint")}</p>
      <p className="soft">{names.slice(0, 12).join(", ") + (names.length > 12 ? " …" : "")}</p>
      <div className="fields">
        <Choose
          label={t("module.cluster")}
          value={to}
          options={here === null ? options : [...options, nowhere]}
          onChange={setTo}
        />
      </div>
      <PaceFields value={pace} onChange={setPace} />
    </PlanDialog>
  );
}

/** A base-cluster is made at once: nothing runs in it yet. */
export function NewCluster({ workspace, onClose }: { readonly workspace: string; readonly onClose: () => void }) {
  const { t } = useWords();
  const queries = useQueryClient();
  const [name, setName] = useState("");
  const [buffer, setBuffer] = useState(false);
  const make = useMutation({
    mutationFn: () =>
      client.createBaseCluster({ body: { workspace: workspace as never, name: name as never, buffer } }),
    onSuccess: async () => {
      await queries.invalidateQueries({ queryKey: ["hosting", workspace] });
      onClose();
    },
  });
  return (
    <Dialog
      title={t("module.cluster.new")}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" disabled={name === "" || make.isPending} onClick={() => make.mutate()}>
            {t("module.cluster.make")}
          </Button>
        </>
      }
    >
      {make.isError && <ErrorNotice error={make.error} />}
      <Field label={t("common.name")}>
        {(id) => <input id={id} className="input" value={name} onChange={(event) => setName(event.target.value)} />}
      </Field>
      <Check checked={buffer} onChange={setBuffer} label={t("module.buffer")} hint={t("module.buffer.hint")} />
    </Dialog>
  );
}

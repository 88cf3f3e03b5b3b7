import type { Application } from "@evenkeel/contracts/application";
import type { Buildpack } from "@evenkeel/contracts/buildpack";
import type { Package } from "@evenkeel/contracts/package";
import { Link } from "wouter";
import { client } from "../connection.ts";
import { Ago } from "../kit/clock.tsx";
import { Quoted } from "../kit/quoted.tsx";
import { Badge } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { bytes } from "./bytes.ts";
import { type Column, ListPage } from "./list-page.tsx";

const APPLICATIONS: readonly Column<Application>[] = [
  {
    name: "common.name",
    show: ({ name }) => (
      <Link className="link" href={`/packages?application=${name}`}>
        {name}
      </Link>
    ),
  },
  { name: "list.owner", show: ({ owner }) => owner },
  { name: "list.group", show: ({ group }) => group || "–" },
  { name: "list.level", show: ({ level }) => level },
  {
    name: "list.tags",
    show: ({ tags }) => (
      <span className="row tight wrap">
        {tags.map((tag) => (
          <Badge plain tone="idle" key={tag}>
            {tag}
          </Badge>
        ))}
      </span>
    ),
  },
  { name: "common.created", show: ({ createdAt }) => <Ago at={createdAt} /> },
];

export function ApplicationList() {
  const { t } = useWords();
  return (
    <ListPage
      title="page.applications"
      lead={t("list.applications.lead")}
      of="applications"
      read={(query) => client.listApplications({ query })}
      columns={APPLICATIONS}
      keyOf={({ id }) => id}
      filters={[
        { name: "owner", label: "list.owner" },
        { name: "group", label: "list.group" },
        { name: "tag", label: "list.tag" },
      ]}
      empty={{
        icon: "application",
        title: "list.applications.none",
        hint: "list.applications.hint",
        command: "evenkeel init && evenkeel deploy",
      }}
    />
  );
}

const PACKAGES: readonly Column<Package>[] = [
  { name: "list.application", show: ({ application }) => application },
  { name: "common.version", show: ({ version }) => <span className="mono">{version}</span> },
  { name: "list.size", show: ({ sizeBytes }) => <span className="number">{bytes(sizeBytes)}</span> },
  { name: "list.entries", show: ({ entries }) => <span className="number">{entries}</span> },
  {
    name: "list.digest",
    show: ({ digest }) => <span className="mono faint" title={digest}>{`${digest.slice(0, 19)}…`}</span>,
  },
  { name: "common.by", show: ({ uploadedBy }) => uploadedBy },
  { name: "list.uploaded", show: ({ uploadedAt }) => <Ago at={uploadedAt} /> },
];

export function PackageList() {
  const { t } = useWords();
  return (
    <ListPage
      title="page.packages"
      lead={t("list.packages.lead")}
      of="packages"
      read={(query) => client.listPackages({ query })}
      columns={PACKAGES}
      keyOf={({ id }) => id}
      filters={[
        { name: "application", label: "list.application" },
        { name: "version", label: "common.version" },
      ]}
      empty={{ icon: "package", title: "list.packages.none", hint: "list.packages.hint", command: "evenkeel deploy ." }}
    />
  );
}

function Described({ text }: { readonly text: string }) {
  return (
    <span className="told">
      <Quoted text={useWords().said(text)} />
    </span>
  );
}

const BUILDPACKS: readonly Column<Buildpack>[] = [
  { name: "common.name", show: ({ name }) => <strong>{name}</strong> },
  { name: "common.version", show: ({ version }) => <span className="mono">{version}</span> },
  { name: "list.description", show: ({ definition }) => <Described text={definition.description} /> },
  { name: "list.needs", show: ({ definition }) => <span className="mono">{definition.needs.join(", ") || "–"}</span> },
  {
    name: "list.scripts",
    show: ({ definition }) => <span className="mono">{Object.keys(definition.lifecycle).join(", ") || "–"}</span>,
  },
];

export function BuildpackList() {
  const { t } = useWords();
  return (
    <ListPage
      title="page.buildpacks"
      lead={t("list.buildpacks.lead")}
      of="buildpacks"
      read={(query) => client.listBuildpacks({ query })}
      columns={BUILDPACKS}
      keyOf={({ id }) => id}
      filters={[{ name: "name", label: "common.name" }]}
      empty={{ icon: "buildpack", title: "list.buildpacks.none", hint: "list.buildpacks.hint" }}
    />
  );
}

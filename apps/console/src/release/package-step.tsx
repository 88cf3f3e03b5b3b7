import { uploadPackage } from "@evenkeel/client/upload";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { useDrop } from "../kit/drop.ts";
import { Field } from "../kit/field.tsx";
import { FileLabel } from "../kit/file-label.tsx";
import { Icon } from "../kit/icon.tsx";
import { Text } from "../kit/inputs.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { bytes } from "../list/bytes.ts";
import { useWords } from "../locale/index.tsx";
import { sourceOf, versionIn } from "./upload.ts";
import type { Wish } from "./wish.ts";

interface PackageStepProps {
  readonly wish: Wish;
  readonly onChange: (news: Partial<Wish>) => void;
}

/** A version that is there, or an archive that is dropped here. */
export function PackageStep({ wish: { application, version }, onChange }: PackageStepProps) {
  const { t } = useWords();
  const packages = useQuery({
    queryKey: ["packages of", application],
    queryFn: () => client.listPackages({ query: { application, limit: 200 } }),
    enabled: application !== "",
  });
  if (application === "") return <p className="soft">{t("release.package.first")}</p>;
  const items = packages.data?.items.toReversed() ?? [];
  return (
    <div className="stack">
      {items.length > 0 && (
        <Field label={t("common.version")}>
          {(id) => (
            <select
              id={id}
              className="input"
              value={version}
              onChange={(event) => onChange({ version: event.target.value })}
            >
              <option value="">{t("release.choose")}</option>
              {items.map((item) => (
                <option key={item.id} value={item.version}>
                  {`${item.version} – ${bytes(item.sizeBytes)}, ${item.uploadedBy}`}
                </option>
              ))}
            </select>
          )}
        </Field>
      )}
      <Drop
        application={application}
        onUploaded={(uploaded) => {
          void packages.refetch();
          onChange({ version: uploaded });
        }}
      />
    </div>
  );
}

interface DropProps {
  readonly application: string;
  readonly onUploaded: (version: string) => void;
}

function Drop({ application, onUploaded }: DropProps) {
  const { t, number } = useWords();
  const [file, setFile] = useState<File | null>(null);
  const [version, setVersion] = useState("");
  const [share, setShare] = useState(0);
  const take = (chosen: File | undefined) => {
    if (chosen === undefined) return;
    setFile(chosen);
    setVersion(versionIn(chosen.name));
  };
  const upload = useMutation({
    mutationFn: async (chosen: File) => {
      // Reading it is a tenth of the work, sending it the rest.
      const source = await sourceOf(chosen, (read) => setShare(read / 10));
      return await uploadPackage(client, {
        application,
        version,
        source,
        onProgress: ({ sentBytes, sizeBytes }) => setShare(0.1 + (0.9 * sentBytes) / sizeBytes),
      });
    },
    onSuccess: ({ version: uploaded }) => {
      setFile(null);
      onUploaded(uploaded);
    },
  });
  return (
    <div className="stack">
      <DropZone file={file} onTake={take} />
      {file !== null && (
        <div className="row upload">
          <Text label={t("common.version")} look="mono" placeholder="1.0.0" value={version} onChange={setVersion} />
          <Button
            icon="upload"
            look="primary"
            disabled={version === "" || upload.isPending}
            onClick={() => upload.mutate(file)}
          >
            {upload.isPending ? `${number(Math.round(100 * share))} %` : t("release.upload")}
          </Button>
        </div>
      )}
      {upload.isPending && <progress className="upload-bar" value={share} aria-label={t("release.upload")} />}
      {upload.isError && <ErrorNotice error={upload.error} />}
    </div>
  );
}

interface DropZoneProps {
  readonly file: File | null;
  readonly onTake: (file: File | undefined) => void;
}

function DropZone({ file, onTake }: DropZoneProps) {
  const { t } = useWords();
  const { over, handlers } = useDrop(onTake);
  return (
    <FileLabel className={`drop${over ? " over" : ""}`} accept=".tar,.gz,.tgz,.zip" onFile={onTake} {...handlers}>
      <Icon name="upload" size={24} />
      <strong>{file === null ? t("release.drop") : `${file.name} – ${bytes(file.size)}`}</strong>
      <span className="faint">{t("release.drop.hint")}</span>
    </FileLabel>
  );
}

import type { Certificate } from "@evenkeel/contracts/certificate";
import type { ErrorCode, Problem } from "@evenkeel/contracts/error";
import { Name } from "@evenkeel/contracts/id";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Text } from "../kit/inputs.tsx";
import { onlyNew } from "../kit/only-new.ts";
import { asProblem, ErrorNotice } from "../kit/problem.tsx";
import { Removal } from "../kit/removal.tsx";
import { useToasts } from "../kit/toasts.tsx";
import { useWords } from "../locale/index.tsx";
import { Check } from "../module/fields.tsx";
import { type Pem, withText } from "./pem.ts";
import { PemField } from "./pem-field.tsx";

const NOTHING: Pem = { chain: "", key: "" };

interface PutDialogProps {
  readonly workspace: string;
  /** Another one is put in its place; null = a new one. */
  readonly known: Certificate | null;
  readonly onClose: () => void;
}

/** Stores a certificate, or the next one in its place. */
export function PutCertificate({ workspace, known, onClose }: PutDialogProps) {
  const { t } = useWords();
  const [name, setName] = useState<string>(known?.name ?? "");
  const [pem, setPem] = useState(NOTHING);
  const [fallback, setFallback] = useState(known?.fallback ?? false);
  const put = usePut({ workspace, name, isNew: known === null, ...pem, fallback }, onClose);
  const problem = put.isError ? asProblem(put.error) : null;
  const part = problem === null ? null : partOf(problem);
  const isName = Name.safeParse(name).success;
  const field = (of: keyof Pem) => ({
    part: of,
    value: pem[of],
    refusal: part === of ? problem : null,
    onText: (text: string) => setPem((now) => withText(now, of, text)),
    onClear: () => setPem((now) => ({ ...now, [of]: "" })),
  });
  return (
    <Dialog
      title={known === null ? t("certificate.new") : t("certificate.renew.of", { name })}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" disabled={!isName || pem.chain === "" || put.isPending} onClick={() => put.mutate()}>
            {t("certificate.store")}
          </Button>
        </>
      }
    >
      <p>{t(known === null ? "certificate.new.will" : "certificate.renew.will")}</p>
      {put.isError && part === null && <ErrorNotice error={put.error} />}
      {known === null && (
        <Text
          look="mono"
          label={t("common.name")}
          hint={t("release.new.hint")}
          placeholder="shop"
          value={name}
          onChange={setName}
        />
      )}
      <PemField {...field("chain")} />
      <PemField {...field("key")} />
      <Check
        checked={fallback}
        onChange={setFallback}
        label={t("certificate.fallback")}
        hint={t("certificate.fallback.hint")}
      />
    </Dialog>
  );
}

interface Put extends Pem {
  readonly workspace: string;
  readonly name: string;
  readonly isNew: boolean;
  readonly fallback: boolean;
}

function usePut({ name, workspace, isNew, ...rest }: Put, onDone: () => void) {
  const { t } = useWords();
  const toasts = useToasts();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      const params = { certificate: Name.parse(name) };
      const query = { workspace: Name.parse(workspace) };
      if (isNew) await onlyNew(`certificate ${name}`, () => client.getCertificate({ params, query }));
      return await client.putCertificate({ params, body: { ...query, ...rest } });
    },
    onSuccess: async ({ hosts }) => {
      await queries.invalidateQueries({ queryKey: ["list", `certificates of ${workspace}`] });
      toasts.say(t("certificate.stored", { name, hosts: hosts.join(", ") || t("certificate.fallback") }));
      onDone();
    },
  });
}

const OF_KEY: readonly ErrorCode[] = ["CERTIFICATE_KEY_MISSING", "CERTIFICATE_KEY_FOREIGN"];
const OF_CHAIN: readonly ErrorCode[] = ["CERTIFICATE_ENDED", "CERTIFICATE_NAMES_NOBODY"];

/** Which field a refusal is about; null = none of them. */
function partOf({ code, facts }: Problem): keyof Pem | null {
  if (OF_KEY.includes(code)) return "key";
  if (OF_CHAIN.includes(code)) return "chain";
  if (code !== "CERTIFICATE_INVALID") return null;
  return facts.part === "key" ? "key" : "chain";
}

interface DeleteDialogProps {
  readonly certificate: Certificate;
  readonly onClose: () => void;
}

/** Whom it will no longer serve, before it goes. */
export function DeleteCertificate({ certificate: { name, workspace, hosts, fallback }, onClose }: DeleteDialogProps) {
  const { t } = useWords();
  const whom = [...hosts, ...(fallback ? [t("certificate.others")] : [])].join(", ");
  return (
    <Removal
      title={t("certificate.delete.of", { name })}
      verb={t("certificate.delete")}
      remove={() => client.deleteCertificate({ params: { certificate: name }, query: { workspace } })}
      from={["list", `certificates of ${workspace}`]}
      onClose={onClose}
    >
      {t("certificate.delete.will", { whom })}
    </Removal>
  );
}

import { allItems } from "@evenkeel/client/page";
import { line, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import { ReviewId } from "@evenkeel/contracts/id";
import type { Review } from "@evenkeel/contracts/review";
import type { AddCommands } from "./context.ts";
import { table } from "./table.ts";

export const addReviewCommands: AddCommands = (program, run) => {
  const review = program.command("review").description("emergency starts, and what another said of them afterwards");
  review
    .command("list")
    .description("those that wait for a review")
    .option("--all", "those that were reviewed, too")
    .action(
      run(async (cli, { all }: { all?: boolean }) => {
        const reviews = await allItems((await cli.client()).listReviews, {
          state: all ? ("all" as const) : ("open" as const),
        });
        cli.answer(reviews, table(reviews, COLUMNS, "No emergency waits for a review."));
      }),
    );
  review
    .command("sign")
    .argument("<review>", "its id")
    .description("reviews an emergency that somebody else has started")
    .requiredOption("--note <text>", "what you found")
    .action(
      run(async (cli, id: string, { note }: { note: string }) => {
        const parsed = ReviewId.safeParse(id);
        if (!parsed.success) throw new PlatformError("NOT_FOUND", { resource: `review ${id}` });
        const signed = await (await cli.client()).signReview({ params: { reviewId: parsed.data }, body: { note } });
        cli.answer(signed, [line(span("✔", "good"), ` ${signed.title} is reviewed`)]);
      }),
    );
};

const COLUMNS = [
  { title: "REVIEW", value: ({ id }: Review) => id },
  { title: "CHANGE", value: ({ title }: Review) => span(title, "bold") },
  { title: "STARTED BY", value: ({ startedBy, startedAt }: Review) => `${startedBy}, ${startedAt}` },
  { title: "REASON", value: ({ reason }: Review) => reason },
  { title: "PASSED", value: ({ waived }: Review) => waived.join(", ") || "nothing" },
  {
    title: "REVIEWED BY",
    value: ({ reviewedBy, note }: Review) => (reviewedBy === null ? "nobody" : `${reviewedBy}: ${note}`),
  },
];

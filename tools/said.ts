import { ERRORS } from "@evenkeel/contracts/error";
import { PHRASES, phraseOf, titleIn } from "@evenkeel/contracts/phrase";
import ts from "typescript-6";

/** A text that a person is told of a problem. */
export interface Said {
  readonly line: number;
  /** What is computed stands as `§`. */
  readonly text: string;
}

/** Calls whose arguments, be they within objects, are told to people. */
const TELLS =
  /^(refuse|refusal|problemOf|PlatformError|CommandEnd|unfit|invalid|refused|flowRefused|unreadable|unknownPlace)$/;
/** What holds or answers such a text, by its name. */
const PROBLEM = /^(problem|why|said|excess|waitingFor|limit|where)$/;
const TELLER = /problem|excess|refusal|unknown|neverSent|noInverse|describe/i;
const CHECKS = /^(regex|refine|min|max|length)$/;
const MESSAGE = /^(message|error)$/;

/** The texts in a source that stand where a person is told what is wrong. A call stands for its own words. */
export function saidIn(path: string, source: string): Said[] {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true);
  const found: Said[] = [];
  const take = (node: ts.Node): void => {
    const text = textOf(node);
    if (text !== null) {
      const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      if (/ /.test(text) && /[a-z]{2}/.test(text)) found.push({ line, text });
    } else if (!ts.isCallExpression(node) && !ts.isFunctionLike(node)) valuesOf(node).forEach(take);
  };
  const visit = (node: ts.Node): void => {
    for (const value of toldBy(node)) take(value);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** Expressions under this node that people are told. */
function toldBy(node: ts.Node): readonly ts.Node[] {
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) return toldByCall(node);
  if (ts.isVariableDeclaration(node)) return PROBLEM.test(node.name.getText()) ? present(node.initializer) : [];
  if (ts.isPropertyAssignment(node)) return MESSAGE.test(node.name.getText()) ? [node.initializer] : [];
  if (ts.isReturnStatement(node)) return TELLER.test(functionAround(node)) ? present(node.expression) : [];
  return [];
}

function toldByCall({ expression, arguments: args }: ts.CallExpression | ts.NewExpression): readonly ts.Node[] {
  const given = args ?? [];
  const name = nameOf(expression);
  if (TELLS.test(name)) return [...given];
  return CHECKS.test(name) && ts.isPropertyAccessExpression(expression) ? given.slice(1) : [];
}

const present = (node: ts.Node | undefined): readonly ts.Node[] => (node === undefined ? [] : [node]);

/** What a value may be: the branches of a choice, the members of an object or list. */
function valuesOf(node: ts.Node): readonly ts.Node[] {
  if (ts.isConditionalExpression(node)) return [node.whenTrue, node.whenFalse];
  if (ts.isBinaryExpression(node)) return [node.left, node.right];
  if (ts.isPropertyAssignment(node)) return [node.initializer];
  const holds = ts.isObjectLiteralExpression(node) || ts.isArrayLiteralExpression(node) || ts.isSpreadAssignment(node);
  return holds || ts.isParenthesizedExpression(node) || ts.isSpreadElement(node)
    ? node.getChildren().flatMap(within)
    : [];
}

const within = (node: ts.Node): readonly ts.Node[] =>
  node.kind === ts.SyntaxKind.SyntaxList ? node.getChildren() : [node];

function textOf(node: ts.Node): string | null {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return null;
  return node.head.text + node.templateSpans.map(({ literal }) => `§${literal.text}`).join("");
}

function nameOf(node: ts.Node): string {
  return ts.isPropertyAccessExpression(node) ? node.name.text : ts.isIdentifier(node) ? node.text : "";
}

function functionAround(node: ts.Node): string {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (ts.isFunctionDeclaration(at) || ts.isMethodDeclaration(at)) return at.name?.getText() ?? "";
    if (ts.isArrowFunction(at) && ts.isVariableDeclaration(at.parent)) return at.parent.name.getText();
  }
  return "";
}

const FAMILIES = [...new Set(Object.keys(PHRASES).map((code) => code.split(".")[0]))];
/** A number, a name, a list of names. */
const EXAMPLES = ["7", "x1", "a, b"];
/** So much of what is written in the source must be the phrase's own: a sentence must not pass as a fact of another. */
const OWN = 0.7;
const fixed = (text: string): number => text.replace(/\{\w+\}|§/g, "").length;

/** Whether the platform knows a text again, so that it can be told in another language. */
export function isKnown(text: string): boolean {
  const [whole, afterField] = [text, text.replace(/^([\w.§-]+: )+/, "")];
  if (afterField === "§") return true;
  return [whole, afterField].some((said) =>
    EXAMPLES.some((example) => {
      const told = said.replaceAll("§", example);
      const phrases = FAMILIES.map((family) => phraseOf(told, family)).filter((phrase) => phrase !== null);
      const title = titleIn(told);
      const sources = [
        ...phrases.map(({ code }) => PHRASES[code]),
        ...(title === null ? [] : [ERRORS[title.code].title]),
      ];
      return sources.some((source) => fixed(source) >= OWN * fixed(said));
    }),
  );
}

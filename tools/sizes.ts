import ts from "typescript-6";

export interface Excess {
  path: string;
  line: number;
  lines: number;
  limit: number;
  /** Absent where the file as a whole is too long. */
  functionName?: string;
}

const FILE_LIMIT = 400;
const FUNCTION_LIMIT = 60;

/** What is longer in this source than its limit. A suite given to `describe` is a chapter of its file, not a function. */
export function findExcess(path: string, text: string): Excess[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const lineOf = (position: number): number => source.getLineAndCharacterOfPosition(position).line + 1;
  const found: Excess[] = [];
  const fileLines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  if (fileLines > FILE_LIMIT) found.push({ path, line: 1, lines: fileLines, limit: FILE_LIMIT });
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && !isSuite(node)) {
      const line = lineOf(node.getStart());
      const lines = lineOf(node.getEnd()) - line + 1;
      if (lines > FUNCTION_LIMIT) found.push({ path, line, lines, limit: FUNCTION_LIMIT, functionName: nameOf(node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function isSuite(node: ts.Node): boolean {
  if (!ts.isCallExpression(node.parent)) return false;
  return /^describe\b/.test(node.parent.expression.getText());
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name) return node.name.getText();
  if (ts.isVariableDeclaration(node.parent) || ts.isPropertyAssignment(node.parent)) return node.parent.name.getText();
  const title = ts.isCallExpression(node.parent) ? node.parent.arguments[0] : undefined;
  return title && ts.isStringLiteral(title) ? title.text : "anonymous";
}

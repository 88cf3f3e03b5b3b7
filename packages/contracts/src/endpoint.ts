import { z } from "zod";

/** `noun:verb`; `public` needs no token; `authenticated` any valid one; `change-kind:create` the permission of the body's kind. */
export type Permission = "public" | "authenticated" | "host-credential" | "change-kind:create" | `${string}:${string}`;

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface EndpointShape {
  readonly needs: Permission;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** `raw`: the body is a stream of bytes; `events`: the reply is a stream of server-sent events. */
  readonly bodyKind?: "json" | "raw";
  readonly reply?: z.ZodType;
  readonly replyKind?: "json" | "events" | "raw";
  readonly status?: 200 | 201 | 202 | 204;
  /** Takes `Idempotency-Key`: the same key within 24 h gets the first answer again. */
  readonly idempotent?: boolean;
  /** Fields of the reply that are stored sealed by the caller's token, so that the same key gets them again and nobody else does. */
  readonly secrets?: readonly string[];
}

export type Endpoint<Shape extends EndpointShape = EndpointShape> = Shape & {
  readonly method: Method;
  readonly path: string;
};

/** Declares one endpoint below `/api/v1`; without `needs` it does not compile. */
export function endpoint<const Shape extends EndpointShape>(
  method: Method,
  path: string,
  shape: Shape,
): Endpoint<Shape> {
  return { ...shape, method, path };
}

/** Query of every list: `limit` items after the opaque `cursor`. */
export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(200).optional(),
});
export type PageQuery = z.infer<typeof pageQuery>;

/** Reply of every list. */
export function page<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ items: z.array(item), nextCursor: z.string().nullable() });
}

export type ParamsOf<E> = E extends { params: infer P extends z.ZodType } ? z.infer<P> : undefined;
export type QueryOf<E> = E extends { query: infer Q extends z.ZodType } ? z.infer<Q> : undefined;
export type QueryInputOf<E> = E extends { query: infer Q extends z.ZodType } ? z.input<Q> : undefined;
export type BodyOf<E> = E extends { body: infer B extends z.ZodType } ? z.infer<B> : undefined;
export type BodyInputOf<E> = E extends { body: infer B extends z.ZodType } ? z.input<B> : undefined;
export type ReplyOf<E> = E extends { reply: infer R extends z.ZodType } ? z.infer<R> : undefined;

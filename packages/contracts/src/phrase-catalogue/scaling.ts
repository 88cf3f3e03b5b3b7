/** What a scaling rule found, and why it did what it did. */
export const SCALING_PHRASES = {
  "scaling.nowhere": "{module} stands on no base of {cluster}",
  "scaling.under-way": "its last change has not ended",
  "scaling.few-told": "{count} of {total} bases told of it: fewer are never decided without all",
  "scaling.some-told": "{count} of {total} bases told of it",
  "scaling.steps-known": "{metric} is known for {count} of {total} steps of {seconds} s",
  "scaling.says-nothing": "{metric} says nothing: nothing was asked of {module}",
  "scaling.at-least": "at least {count}",
  "scaling.at-most": "at most {count}",
  "scaling.above": "{metric} was {number} at least, above {limit}",
  "scaling.below": "{metric} was {number} at most, below {limit}",
  "scaling.between": "{metric} is {number}, between {from} and {to}",
  "scaling.would": "{metric} is {number}, and would be {expected} on {count} bases",
  "scaling.not-before": "{said}; not before {seconds} s from now",
  "scaling.scale": "{said}: {before} → {wanted} bases",
} as const;

/** The public face of instance. */
export { declaredLevel } from "./queries.ts";

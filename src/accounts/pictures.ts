import type { FilePurpose } from "../platform/storage/purpose.ts";

const MEGA = 1_000_000;

/** Square, at twice the size of the largest place it is shown. */
export const USER_PICTURE: FilePurpose = {
  purpose: "user.picture",
  label: "Photo de profil",
  most: 10 * MEGA,
  kinds: ["jpeg", "png", "webp"],
  picture: { width: 256, height: 256, fit: "cover", format: "webp" },
  table: "app_user",
  column: "picture_id",
};

/** Whole, whatever its shape, on the header's height and no wider than its cell. */
export const TENANT_LOGO: FilePurpose = {
  purpose: "tenant.logo",
  label: "Logo de l’organisation",
  most: 5 * MEGA,
  kinds: ["png", "jpeg", "webp"],
  picture: { width: 480, height: 96, fit: "inside", format: "png" },
  table: "tenant",
  column: "logo_id",
};

/** Who acts, and where: what each verb of the directory is given. */
export interface Said {
  tenantId: string;
  by: { id: string };
}

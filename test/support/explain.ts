import pg from "pg";

interface Plan {
  "Node Type": string;
  "Index Name"?: string;
  "Relation Name"?: string;
  Plans?: Plan[];
}

/** The plan of a query as the application sees it, row-level security included: indexes used, tables read whole. */
export async function explain(
  databaseUrl: string,
  tenantId: string,
  sql: string,
  values: unknown[] = [],
): Promise<{ indexes: string[]; readWhole: string[] }> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query("begin");
    await client.query("select set_config('app.tenant_id', $1, true)", [tenantId]);
    const { rows } = await client.query(`explain (format json) ${sql}`, values);
    const indexes: string[] = [];
    const readWhole: string[] = [];
    const visit = (plan: Plan) => {
      if (plan["Index Name"]) indexes.push(plan["Index Name"]);
      if (plan["Node Type"] === "Seq Scan" && plan["Relation Name"]) readWhole.push(plan["Relation Name"]);
      for (const child of plan.Plans ?? []) visit(child);
    };
    visit(rows[0]["QUERY PLAN"][0].Plan);
    return { indexes, readWhole };
  } finally {
    await client.end();
  }
}

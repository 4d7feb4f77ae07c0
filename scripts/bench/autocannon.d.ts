/** The part of autocannon used here; it ships no types. */
declare module "autocannon" {
  export interface Request {
    method: string;
    headers: Record<string, string>;
    body?: string;
  }
  export interface Client {
    setRequests(requests: (Request & { setupRequest?(request: Request): Request })[]): void;
  }
  export interface Result {
    requests: { average: number };
    errors: number;
    statusCodeStats: Record<string, { count: number }>;
  }
  export default function autocannon(options: {
    url: string;
    connections: number;
    duration?: number;
    amount?: number;
    setupClient(client: Client): void;
  }): Promise<Result>;
}

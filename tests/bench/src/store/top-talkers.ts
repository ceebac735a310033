/** Milliseconds of each query for the hosts with most bytes in an hour. */
export async function topTalkers(url: string, queries: number): Promise<number[]> {
  const times: number[] = [];
  for (let query = 0; query < queries; query++) {
    const start = performance.now();
    // Other hours each time: a minute later.
    const until = new Date(Date.now() - query * 60_000).toISOString();
    const since = new Date(Date.parse(until) - 3_600_000).toISOString();
    const response = await fetch(`${url}/api/v1/top?by=host&limit=10&since=${since}&until=${until}`);
    await response.text();
    if (!response.ok) throw new Error(`top: ${response.status}`);
    times.push(performance.now() - start);
  }
  return times;
}

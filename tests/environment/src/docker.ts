/** Why a container of this image cannot be started here without pulling; undefined when it can. */
export async function imageIsMissing(image: string): Promise<string | undefined> {
  // Loaded late: nothing else needs it, and it takes a second.
  const { getContainerRuntimeClient } = await import('testcontainers');
  let client: Awaited<ReturnType<typeof getContainerRuntimeClient>>;
  try {
    client = await getContainerRuntimeClient();
  } catch {
    return 'no Docker engine';
  }
  const isHere = await client.container.dockerode
    .getImage(image)
    .inspect()
    .then(
      () => true,
      () => false,
    );
  return isHere ? undefined : `no image ${image}`;
}

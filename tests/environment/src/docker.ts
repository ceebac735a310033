/** Testcontainers' own helper, which removes what a killed test run leaves behind. */
const reaperImage = process.env.RYUK_CONTAINER_IMAGE ?? 'testcontainers/ryuk:0.14.0';

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
  const needed = process.env.TESTCONTAINERS_RYUK_DISABLED === 'true' ? [image] : [image, reaperImage];
  for (const name of needed) {
    const isHere = await client.container.dockerode
      .getImage(name)
      .inspect()
      .then(
        () => true,
        () => false,
      );
    if (!isHere) return `no image ${name}`;
  }
  return undefined;
}

/** Addresses of the hosts inside and outside, far enough apart that there are absent ones between them. */
export const internalAddress = (host: number, isIpv6: boolean): string => address(10, '2001:db8', host * 7 + 1, isIpv6);
export const externalAddress = (host: number, isIpv6: boolean): string => address(45, '2a00:1', host * 101, isIpv6);

const address = (network: number, prefix: string, host: number, isIpv6: boolean): string =>
  isIpv6
    ? `${prefix}::${(host >>> 16).toString(16)}:${(host & 0xffff).toString(16)}`
    : `${network}.${(host >>> 16) & 255}.${(host >>> 8) & 255}.${host & 255}`;

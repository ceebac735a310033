/** Numbers that random frames have and random expressions ask for, so that both sides of each question are met. */
export const PORTS = [53, 80, 443, 8000, 8001, 8080] as const;
export const VLAN_IDS = [1, 9, 10, 11, 20, 25, 30, 31, 4095] as const;
export const PROTOCOLS = [6, 6, 6, 17, 17, 58, 132, 50, 103] as const;
export const ICMP6_TYPES = [128, 129, 135] as const;
export const MACS = [0x02_00_00_00_00_01n, 0x02_00_00_00_00_02n, 0x02_00_00_00_01_01n, 0xff_ff_ff_ff_ff_ffn] as const;
export const IPV4 = [0x0a00_0001n, 0x0a00_0002n, 0x0a01_0001n, 0xc0a8_0101n] as const;
const SITE = 0x2001_0db8n << 96n;
export const IPV6 = [SITE + 1n, SITE + 2n, SITE + (1n << 64n) + 1n, (0xfe80n << 112n) + 1n] as const;

import { readFile, statfs } from 'node:fs/promises';
import os from 'node:os';

/** What the machine is and has. */
export interface Machine {
  hostname: string;
  addresses: string[];
  cpus: number;
  memoryBytes: number;
  storageBytes: number;
  freeStorageBytes: number;
  freeMemoryBytes: number;
  architecture: string;
  kernelVersion: string;
  osImage: string;
  machineId: string;
  systemUuid: string;
  bootId: string;
  /** Root here may give a process an OOM score below its own (CAP_SYS_RESOURCE; some sandboxes withhold it). */
  mayProtectProcesses: boolean;
}

/** Node's names of processors to Go's. */
const architectures: Record<string, string> = { x64: 'amd64', arm64: 'arm64', ia32: '386' };

const line = async (path: string): Promise<string> => {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
};

const osName = async (): Promise<string> => /^PRETTY_NAME="?([^"\n]*)/m.exec(await line('/etc/os-release'))?.[1] ?? 'Linux';

const availableMemory = async (): Promise<number> => {
  const match = /^MemAvailable:\s+(\d+) kB/m.exec(await line('/proc/meminfo'));
  return match ? Number(match[1]) * 1024 : os.freemem();
};

const hasCapability = async (bit: number): Promise<boolean> => {
  const match = /^CapEff:\s+([0-9a-f]+)$/m.exec(await line('/proc/self/status'));
  return match?.[1] !== undefined && ((BigInt(`0x${match[1]}`) >> BigInt(bit)) & 1n) === 1n;
};

/** Addresses that other machines may know this one by; loopback where there is none. */
const addresses = (): string[] => {
  const found: string[] = [];
  for (const [name, list] of Object.entries(os.networkInterfaces())) {
    // Interfaces of pods and of container engines belong to what runs here, not to the machine.
    if (/^(wv|veth|docker|br-|cni|flannel|virbr)/.test(name)) continue;
    for (const { address, family, internal } of list ?? [])
      if (family === 'IPv4' && !internal && !address.startsWith('169.254.')) found.push(address);
  }
  return found.length > 0 ? found : ['127.0.0.1'];
};

export const readMachine = async (storageRoot: string): Promise<Machine> => {
  const [disk, osImage, machineId, systemUuid, bootId, freeMemoryBytes, mayProtectProcesses] = await Promise.all([
    statfs(storageRoot),
    osName(),
    line('/etc/machine-id'),
    line('/sys/class/dmi/id/product_uuid'),
    line('/proc/sys/kernel/random/boot_id'),
    availableMemory(),
    hasCapability(24),
  ]);
  return {
    hostname: os.hostname(),
    addresses: addresses(),
    cpus: os.cpus().length,
    memoryBytes: os.totalmem(),
    storageBytes: disk.blocks * disk.bsize,
    freeStorageBytes: disk.bavail * disk.bsize,
    freeMemoryBytes,
    architecture: architectures[os.arch()] ?? os.arch(),
    kernelVersion: os.release(),
    osImage,
    machineId,
    systemUuid: systemUuid || machineId,
    bootId,
    mayProtectProcesses,
  };
};

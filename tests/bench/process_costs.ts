/** What the kernel knows of a process: its memory and the time that it computed. */
import { readProcFile } from "../../lib/edge/net/namespace.ts";

/** Kernel ticks of /proc/PID/stat, which are always counted in hundredths of a second for programs. */
const TICK_MS = 10;

export function residentMb(pid: number): number {
  return statusMb(pid, "VmRSS");
}

/** Without the pages of files, which are mostly the runtime's program and shared by all processes that run it. */
export function anonymousMb(pid: number): number {
  return statusMb(pid, "RssAnon");
}

/** User and system time; the fields come after the command's name, which may hold spaces. */
export function cpuMsOf(pid: number): number {
  const stat = readProcFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function statusMb(pid: number, field: "VmRSS" | "RssAnon"): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readProcFile(`/proc/${pid}/status`))?.[1];
  return Number(kilobytes) / 1024;
}

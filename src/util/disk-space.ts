/** The seam by which free disk space is known; disk/disk-space.ts is the real one. */
export type DiskSpace = {
  /** What a process without privileges may still write. */
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Which file it is that the probe was told to keep in sight; empty where there is none. */
  readonly fileId?: string;
};

/** Of the file system that holds the data directory. */
export type DiskProbe = () => Promise<DiskSpace>;

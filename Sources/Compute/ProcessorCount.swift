internal import Glibc

/// The number of cores that the process really has.
public enum ProcessorCount {
  /// The smaller of the CPUs that the scheduler may use and the cgroup's CPU quota, at least 1.
  ///
  /// A container's quota is seen neither by `nproc` nor by OpenMP: with 2 CPUs' worth of time on a
  /// 64-core machine, 64 threads would be stopped by the kernel for most of every period.
  public static var available: Int {
    max(
      1, min(affinity() ?? .max, cgroupQuota() ?? .max, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
  }

  /// The CPUs in the process's affinity mask (`taskset`, cpusets).
  ///
  /// - Parameter status: the contents of `/proc/self/status`, whose line `Cpus_allowed` is the mask
  ///   in hexadecimal, in groups that commas part. (glibc offers `sched_getaffinity` only to programs
  ///   that ask for GNU extensions.)
  /// - Returns: `nil` where the mask cannot be read.
  static func affinity(status: String? = contents("/proc/self/status")) -> Int? {
    for line in (status ?? "").split(separator: "\n") where line.hasPrefix("Cpus_allowed:") {
      let count = line.dropFirst("Cpus_allowed:".count)
        .compactMap(\.hexDigitValue).reduce(0) { $0 + $1.nonzeroBitCount }
      return count > 0 ? count : nil
    }
    return nil
  }

  /// The whole CPUs of the process's quota, rounded up: cgroup v2's `cpu.max` or v1's CFS quota, the
  /// smallest on the way from the process's group to the root.
  ///
  /// - Parameters:
  ///   - groups: the contents of `/proc/self/cgroup`.
  ///   - read: reads a file below the cgroup file system, `nil` where there is none.
  /// - Returns: `nil` where no quota is set.
  static func cgroupQuota(
    groups: String? = contents("/proc/self/cgroup"),
    read: (String) -> String? = { contents("/sys/fs/cgroup" + $0) }
  ) -> Int? {
    var smallest: Int?
    func consider(quota: Substring?, period: Substring?) {
      guard let quota = quota.flatMap({ Int($0) }), let period = period.flatMap({ Int($0) }),
        quota > 0, period > 0
      else { return }
      smallest = min(smallest ?? .max, (quota + period - 1) / period)
    }
    // A line is "hierarchy:controllers:path"; version 2 has hierarchy 0 and no controllers.
    for line in (groups ?? "").split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      var path = String(parts[2])
      while true {
        let folder = path == "/" ? "" : path
        if parts[0] == "0" {
          let words = (read(folder + "/cpu.max") ?? "").split { $0 == " " || $0 == "\n" }
          if words.count == 2 { consider(quota: words[0], period: words[1]) }
        } else if parts[1].split(separator: ",").contains("cpu") {
          func word(_ name: String) -> Substring? {
            read("/cpu" + folder + "/" + name)?.split { $0 == "\n" }.first
          }
          consider(quota: word("cpu.cfs_quota_us"), period: word("cpu.cfs_period_us"))
        }
        guard let slash = folder.lastIndex(of: "/") else { break }
        path = slash == folder.startIndex ? "/" : String(folder[..<slash])
      }
    }
    return smallest
  }

  /// The first 16 KiB of a file as text.
  private static func contents(_ path: String) -> String? {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 16 << 10)
    let count = unsafe read(file, &bytes, bytes.count)
    return count >= 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}

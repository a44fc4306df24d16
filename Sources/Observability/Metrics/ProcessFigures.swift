internal import Files
internal import Glibc

/// What Linux says of this process, under the names that Prometheus' client libraries agree on.
public struct ProcessFigures: Sendable {
  /// Processor time spent in user and kernel mode, in seconds.
  public var cpuSeconds: Double
  /// Address space in bytes.
  public var virtualBytes: Int
  /// Memory in use in bytes.
  public var residentBytes: Int
  /// When the process started, in seconds since 1970.
  public var startSeconds: Double
  /// Threads.
  public var threads: Int
  /// File descriptors in use.
  public var openDescriptors: Int
  /// File descriptors that may be in use.
  public var maximumDescriptors: Int

  /// Reads the figures; `nil` where there is no `/proc`.
  public init?() {
    guard let stat = Self.text(of: "/proc/self/stat") else {
      return nil
    }
    self.init(stat: stat, bootSeconds: Self.bootSeconds)
  }

  /// When the machine started, in seconds since 1970; read once, so that what is counted from it
  /// does not change from one reading to the next.
  private static let bootSeconds: Double = {
    let seconds = text(of: "/proc/uptime")?.split(separator: " ").first.flatMap { Double($0) }
    return WallTime.now.secondsSince1970 - (seconds ?? 0)
  }()

  /// Reads what the kernel wrote (proc(5), `/proc/pid/stat`).
  init?(stat: String, bootSeconds: Double) {
    // The name of the program, in brackets, may hold spaces and brackets: count from the last one.
    guard let name = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: name)...].split(separator: " ")
    // Field 3 of the manual page, the state, is the first one here.
    func number(_ field: Int) -> Int? { fields.count > field - 3 ? Int(fields[field - 3]) : nil }
    guard let user = number(14), let system = number(15), let threads = number(20),
      let start = number(22), let virtual = number(23), let resident = number(24)
    else { return nil }
    let ticks = Double(max(sysconf(Int32(_SC_CLK_TCK)), 1))
    cpuSeconds = Double(user + system) / ticks
    virtualBytes = virtual
    residentBytes = resident * sysconf(Int32(_SC_PAGESIZE))
    startSeconds = bootSeconds + Double(start) / ticks
    self.threads = threads
    openDescriptors = Self.countDescriptors()
    var limit = rlimit()
    unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    maximumDescriptors = Int(clamping: limit.rlim_cur)
  }

  /// Counts the descriptors in use.
  ///
  /// They are the entries of `/proc/self/fd`. Since Linux 6.2 the folder's size is the count; before,
  /// it is 0 and the folder has to be read.
  private static func countDescriptors() -> Int {
    var status = stat()
    if unsafe lstat("/proc/self/fd", &status) == 0, status.st_size > 0 {
      return Int(status.st_size)
    }
    return (try? FolderContents.names(in: "/proc/self/fd").count) ?? 0
  }

  /// What the kernel says in one of its files, which is less than a page.
  private static func text(of path: String) -> String? {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = unsafe read(descriptor, &bytes, bytes.count)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }

  /// Writes the figures.
  public func write(to writer: inout MetricsWriter) {
    writer.family(
      "process_cpu_seconds_total", .counter, "Processor time spent, user and system.",
      unit: "seconds")
    writer.sample("process_cpu_seconds_total", cpuSeconds)
    writer.family("process_resident_memory_bytes", .gauge, "Memory in use.", unit: "bytes")
    writer.sample("process_resident_memory_bytes", residentBytes)
    writer.family("process_virtual_memory_bytes", .gauge, "Address space.", unit: "bytes")
    writer.sample("process_virtual_memory_bytes", virtualBytes)
    writer.family(
      "process_start_time_seconds", .gauge, "When the process started, since 1970.",
      unit: "seconds")
    writer.sample("process_start_time_seconds", startSeconds)
    writer.single("process_threads", .gauge, "Threads.", threads)
    writer.single("process_open_fds", .gauge, "File descriptors in use.", openDescriptors)
    writer.single(
      "process_max_fds", .gauge, "File descriptors that may be in use.", maximumDescriptors)
  }
}

import Synchronization
import Testing

@testable import Compute

struct ComputeThreadTests {
  struct Failure: Error, Equatable { var code: Int }

  @Test func workRunsInOrderOnOneThread() throws {
    let thread = try ComputeThread(name: "test", threadCount: 1)
    let order = Mutex<[Int]>([])
    for index in 0..<100 { thread.async { order.withLock { $0.append(index) } } }
    thread.run {}
    #expect(order.withLock { $0 } == Array(0..<100))
  }

  @Test func errorsReachTheCaller() throws {
    let thread = try ComputeThread(name: "test", threadCount: 1)
    #expect(throws: Failure(code: 3)) { try thread.run { throw Failure(code: 3) } }
  }

  @Test(arguments: [1, 2, 3, 7, 1000])
  func parallelPartsCoverTheRangeOnce(count: Int) throws {
    let thread = try ComputeThread(name: "test", threadCount: 3)
    let seen = Mutex([Int](repeating: 0, count: count))
    thread.run {
      thread.parallel(count) { range in
        seen.withLock { seen in for index in range { seen[index] += 1 } }
      }
    }
    #expect(seen.withLock { $0 } == [Int](repeating: 1, count: count))
  }

  @Test func teamHasTheThreadsThatWereAskedFor() throws {
    let thread = try ComputeThread(name: "test", threadCount: 3)
    let parts = Mutex(0)
    thread.run { thread.parallel(1000) { _ in parts.withLock { $0 += 1 } } }
    #expect(parts.withLock { $0 } == 3)
  }
}

struct ProcessorCountTests {
  @Test(arguments: [
    ("max 100000\n", nil), ("200000 100000\n", 2), ("150000 100000\n", 2), ("50000 100000\n", 1),
    ("", nil), ("x y", nil), ("-1 100000", nil),
  ])
  func quotaOfVersion2IsRoundedUp(text: String, wanted: Int?) {
    let found = ProcessorCount.cgroupQuota(groups: "0::/a/b\n") { path in
      path == "/a/cpu.max" ? text : nil
    }
    #expect(found == wanted)
  }

  @Test func theSmallestQuotaOnTheWayUpCounts() {
    let files = ["/a/cpu.max": "100000 100000", "/a/b/cpu.max": "400000 100000"]
    #expect(ProcessorCount.cgroupQuota(groups: "0::/a/b") { files[$0] } == 1)
    #expect(
      ProcessorCount.cgroupQuota(groups: "0::/") { $0 == "/cpu.max" ? "300000 100000" : nil } == 3)
  }

  @Test func quotaOfVersion1IsRead() {
    let files = ["/cpu/x/cpu.cfs_quota_us": "250000\n", "/cpu/x/cpu.cfs_period_us": "100000\n"]
    #expect(ProcessorCount.cgroupQuota(groups: "4:cpu,cpuacct:/x\n") { files[$0] } == 3)
  }

  @Test func affinityCountsTheMasksBits() {
    #expect(ProcessorCount.affinity(status: "Name:\tx\nCpus_allowed:\tf,00000003\n") == 6)
    #expect(ProcessorCount.affinity(status: "Cpus_allowed_list:\t0-1\n") == nil)
    #expect(ProcessorCount.affinity(status: nil) == nil)
  }

  @Test func theRealCountIsPositive() {
    #expect(ProcessorCount.available >= 1)
  }
}

import CAllocationCount
import Detection
import Glibc

// detection-benchmark            prints the median time of each case
// detection-benchmark --to DIR   writes the inputs to DIR, then answers each line "CASE COUNT" with
//                                COUNT times in microseconds, the result, and allocations a run

let inputs = Inputs()
let roiPooling = RoIPoolingInputs(inputs)
let cases = makeCases(inputs) + roiPooling.makeCases(inputs)

/// The processor time of this thread in microseconds: what else the machine does is not counted.
func processorTime() -> Double {
  var time = timespec()
  unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

func times(_ work: Work, count: Int) -> [Double] {
  (0..<count).map { _ in
    let start = processorTime()
    _ = work()
    return processorTime() - start
  }
}

func allocations(_ work: Work) -> UInt64 {
  _ = work()
  let before = allocation_count()
  _ = work()
  return allocation_count() - before
}

if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "--to" {
  let folder = CommandLine.arguments[2]
  try write(flat(inputs.grid.anchors), to: "\(folder)/anchors.f32")
  try write(flat(inputs.groundTruth), to: "\(folder)/ground-truth.f32")
  try write(roiPooling.features, to: "\(folder)/features.f32")
  try write(flat(roiPooling.rois), to: "\(folder)/rois.f32")
  for (kind, outputs) in [("untrained", inputs.untrained), ("trained", inputs.trained)] {
    try write(outputs.offsets, to: "\(folder)/\(kind)-offsets.f32")
    try write(outputs.scores, to: "\(folder)/\(kind)-scores.f32")
    let candidates = inputs.candidates(of: outputs)
    try write(flat(candidates.boxes), to: "\(folder)/\(kind)-boxes.f32")
    try write(candidates.scores, to: "\(folder)/\(kind)-box-scores.f32")
  }
  print(cases.map(\.name).joined(separator: " "))
  fflush(nil)
  while let line = readLine() {
    let words = line.split(separator: " ")
    guard words.count == 2, let count = Int(words[1]),
      let work = cases.first(where: { $0.name == words[0] })?.work
    else { continue }
    let measured = times(work, count: count).map { "\($0)" }.joined(separator: " ")
    print("\(measured) | \(work()) | \(allocations(work))")
    fflush(nil)
  }
} else {
  print("| case | median, microseconds | result | allocations |")
  print("|---|---|---|---|")
  for (name, work) in cases {
    _ = times(work, count: 5)
    let sorted = times(work, count: 101).sorted()
    print("| \(name) | \((sorted[50] * 10).rounded() / 10) | \(work()) | \(allocations(work)) |")
  }
}

import ArgumentParser
import Observability
import Service

struct BenchBodyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-body",
    abstract: "Print the median time that the features of a request's body take to be read.",
    discussion: """
      Examples:
        frcnn bench-body features.json features.npy --runs 11
      """,
    // It is called through scripts/bench-features, which also makes the files.
    shouldDisplay: false)

  @Argument(
    help: ArgumentHelp("Bodies; .json is JSON, all else told by itself.", valueName: "file"))
  var files: [String]

  @Option(help: "How many runs are counted.")
  var runs = 11

  func validate() throws {
    guard (1...10_000).contains(runs) else { throw ValidationError("--runs takes 1 to 10000") }
  }

  func run() throws {
    try ending {
      for file in files {
        let bytes = try FileContents.read(file, limit: 256 << 20)
        do {
          var times: [Duration] = []
          var count = 0
          for _ in 0..<runs {
            let sample = try BodyBenchmark.read(bytes, isJSON: file.hasSuffix(".json"))
            times.append(sample.duration)
            count = sample.count
          }
          let median = times.sorted()[times.count / 2]
          let name = file.split(separator: "/").last ?? ""
          print("frcnn \(name) \(median.millisecondsText) ms, \(count) numbers")
        } catch {
          throw Failure(.brokenInput, "\(file): \(error)")
        }
      }
    }
  }
}

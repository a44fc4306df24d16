import ArgumentParser
import Batch
import Compute

/// How many pictures are worked on at once, and where the rows go.
struct BatchOptions: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "Write a row a picture into this file, .jsonl, .csv or .json (COCO); - is standard output.",
      valueName: "file"))
  var output: String?

  @Option(
    help: ArgumentHelp(
      "What is written, whatever the file is called: jsonl, csv or coco.", valueName: "format"))
  var format: String?

  @Flag(help: "Go on with the file's rows: the same input and options as before.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "Of N parts of the pictures work on the K-th, from 1.", valueName: "K/N"))
  var shard: String?

  @Flag(name: [.customShort("0"), .long], help: "The names in lists end with a zero byte.")
  var null = false

  @Option(
    help: ArgumentHelp(
      "How many pictures to work on at once. [as many as there are threads]", valueName: "count"))
  var lanes: Int?

  func validate() throws {
    if let shard, Shard(shard) == nil {
      throw ValidationError("--shard is '\(shard)'; it takes K/N, as 1/8 to 8/8")
    }
    if let format, ResultFormat(rawValue: format) == nil {
      throw ValidationError("--format is '\(format)'; it takes jsonl, csv or coco")
    }
    if let lanes, !(1...1024).contains(lanes) {
      throw ValidationError("--lanes is \(lanes); it takes a number from 1 to 1024")
    }
    guard output != nil || !(resume || null || shard != nil || format != nil) else {
      throw ValidationError("--resume, --shard, --format and --null belong to -o")
    }
  }
}

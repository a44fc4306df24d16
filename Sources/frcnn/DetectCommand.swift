import ArgumentParser
import Batch
import Images

struct DetectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "detect",
    abstract: "Find objects in pictures, without a server.",
    discussion: """
      Examples, for a few pictures and people:
        frcnn detect photo.jpg
        frcnn detect *.jpg --annotate boxes             draw into boxes/NAME.jpg
        frcnn detect photo.png --score-threshold 0.5 --classes RBC,WBC
        frcnn detect photo.jpg --json > photo.json      what the server would answer
        cat photo.jpg | frcnn detect -

      Many pictures, on all cores, into a file (-o):
        frcnn detect photos -o found.jsonl              a folder and those below it
        frcnn detect list.txt -o found.csv              a list of names, one a line (.txt, .lst)
        find . -name '*.jpg' | frcnn detect - -o found.json
        frcnn detect photos -o found.jsonl --resume     go on after it was ended, however it was
        frcnn detect photos -o 2.jsonl --shard 2/8      the second of eight machines

      A picture that cannot be worked on is a row that says why, and the others go on. \
      The file is jsonl (a line a picture), csv (a line an object) or COCO's annotations, by \
      the ending of its name.

      A worker for other programs: with --worker standard input is pictures, each behind its length (four \
      bytes, the most significant first), and standard output is a line of JSON for each, in order.

      Exit status: 0 every picture was worked on, or -o has a row for each; else the first \
      failure's: 65 no picture or a broken one, 66 it cannot be read, 73 the results cannot be written. \
      The other pictures are worked on all the same.
      """)

  @Argument(
    help: ArgumentHelp(
      "Files in \(ImageFormat.namesText), and folders of them; with -o lists too. - is a picture on standard "
        + "input, with -o a list.",
      valueName: "picture"))
  var pictures: [String] = []

  @OptionGroup
  var model: ModelOptions

  @OptionGroup
  var detection: DetectionOptions

  @Flag(help: "Print the server's JSON instead of a table, a line for each picture.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Draw what was found into copies of the pictures in this folder.", valueName: "folder"))
  var annotate: String?

  @OptionGroup
  var batch: BatchOptions

  @Flag(help: "Answer pictures on standard input until its end.")
  var worker = false

  func validate() throws {
    if worker {
      guard pictures.isEmpty, batch.output == nil, !json, annotate == nil else {
        throw ValidationError("--worker takes pictures from standard input and nothing else")
      }
    } else if pictures.isEmpty {
      throw ValidationError("name a picture, or a folder of them")
    }
    guard batch.output == nil || (!json && annotate == nil) else {
      throw ValidationError("--json and --annotate are for few pictures; -o writes a file of rows")
    }
  }

  func run() throws {
    try ending {
      if worker {
        try runWorker()
      } else if batch.output != nil {
        try runBatch()
      } else {
        try runForPeople()
      }
    }
  }
}

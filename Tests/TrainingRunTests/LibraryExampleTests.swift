import Checkpoints
import Datasets
import Detection
import Foundation
import Images
import Tensors
import Testing
import Training
import TrainingData
import TrainingReport
import TrainingRun

/// The sample of library use in docs/training.md: it is compiled here, run here, and held against the text.
@Suite struct LibraryExampleTests {
  // docs: begin
  func train(on folder: String, into file: String, steps: Int) throws {
    let (dataset, root) = try Dataset.open(folder)
    let (training, heldBack) = HeldBackShare.divide(dataset.pictures, share: 0.2, seed: 0)
    let pictures = AnnotatedSet(
      pictures: training, labels: dataset.labels, reader: AnnotatedPictureReader(root: root))

    let model = try TrainableModel(.narrowVGG, labels: dataset.labels)
    var settings = TrainingSettings(
      schedule: .init(baseRate: 0.004, course: .cosine(end: steps, floor: 0)))
    settings.maximumGradientNorm = 10
    let trainer = try Trainer(model, settings: settings, threadCount: 2)

    let run = TrainingRun(
      trainer, pictures, plan: RunPlan(stepCount: steps),
      validator: Validator(pictures.with(heldBack), threadCount: 2))
    _ = try run.run(isStopping: { false }) { event in
      if case .step(let report, _) = event { print(report.iteration, report.losses.total) }
      if case .measured(let validation, _) = event { print("mAP", validation.mean ?? 0) }
    }
    try SafetensorsWriter(run.result().model).write(to: file)
  }
  // docs: end

  @Test func theSampleRuns() throws {
    let folder = try TemporaryFolder()
    let image = Image(width: 64, height: 64, pixels: [UInt8](repeating: 90, count: 3 * 64 * 64))
    let format = try #require(ImageFormat.encoded.first)
    for number in 0..<3 {
      try Data(image.encoded(as: format)).write(
        to: folder.url.appending(path: "\(number).\(format.fileExtensions[0])"))
      let box = "<xmin>8</xmin><ymin>8</ymin><xmax>40</xmax><ymax>48</ymax>"
      try Data(
        "<annotation><object><name>cat</name><bndbox>\(box)</bndbox></object></annotation>".utf8
      ).write(to: folder.url.appending(path: "\(number).xml"))
    }
    let file = folder.path("model.safetensors")
    try train(on: folder.url.path, into: file, steps: 2)
    #expect(try Checkpoint.open(file).stateDictionary.count > 10)
  }

  @Test func theDocumentShowsTheSample() throws {
    let source = try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)
    let lines = source.components(separatedBy: "\n")
    let begin = try #require(lines.firstIndex { $0.hasSuffix("// docs: begin") })
    let end = try #require(lines.firstIndex { $0.hasSuffix("// docs: end") })
    let sample = lines[begin + 1..<end].map { $0.dropFirst(2) }.joined(separator: "\n")
    let document = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "docs/training.md")
    #expect(try String(contentsOf: document, encoding: .utf8).contains(sample + "\n"))
  }
}

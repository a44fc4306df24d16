import Checkpoints
import Detection
import FasterRCNN
import Images
import Training

// Two steps from the embedded model towards one picture with one object of a class that it has not seen.
let model = try TrainableModel(Model.embeddedBlueprint(), labels: ["square"])
var settings = TrainingSettings(schedule: LearningRateSchedule(baseRate: 0.001))
settings.maximumGradientNorm = 10
let trainer = try Trainer(model, settings: settings, threadCount: 2)

let side = 96
let pixels = (0..<side * side).flatMap { pixel in
  let isInside = (32..<64).contains(pixel / side) && (32..<64).contains(pixel % side)
  return [UInt8](repeating: isInside ? 20 : 220, count: 3)
}
let square = TrainingExample(
  name: "square", picture: Image(width: side, height: side, pixels: pixels),
  objects: [.init(box: BoundingBox(yMin: 32, xMin: 32, yMax: 64, xMax: 64), classIndex: 0)])
for _ in 0..<2 {
  let report = try trainer.step([square])
  print("step \(report.iteration), \(report.losses.total.isFinite ? "a" : "no") loss")
}
let file = try SafetensorsWriter(trainer.model()).bytes()
print("a file of \(file.count >> 20) MiB")

import Checkpoints
import FasterRCNN
import Tensors

extension ModelConversion {
  /// Writes the model as one safetensors file, with a bar that says how far it has come.
  ///
  /// - Parameters:
  ///   - path: the file, which takes the place of an old one in one step.
  ///   - floatType: what weights are rounded to; as stored where it is left out.
  /// - Returns: the file's bytes.
  /// - Throws: `Failure` where the file cannot be written.
  func write(to path: String, floatType: ElementType? = nil) throws(Failure) -> Int {
    var bar: ProgressBar?
    defer { bar?.finish() }
    do throws(CheckpointError) {
      let writer = try SafetensorsWriter(
        stateDictionary, floatType: floatType, keeping: keptNames)
      bar = ProgressBar("writing \(path)", total: writer.byteCount)
      try writer.write(to: path) { written, _ in bar?.show(written) }
      return writer.byteCount
    } catch {
      throw Failure(.cannotCreate, "\(error)")
    }
  }
}

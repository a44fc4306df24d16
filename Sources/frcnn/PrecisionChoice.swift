import Compute
import FasterRCNN

/// What `--precision` asks for.
enum PrecisionChoice: Sendable {
  case fixed(PlanOptions.Precision)
  /// The fastest that the model and the CPU are made for.
  case automatic

  /// Reads the flag's value; `nil` where it is none.
  init?(_ text: String) {
    if text == "auto" {
      self = .automatic
    } else if let precision = PlanOptions.Precision(rawValue: text) {
      self = .fixed(precision)
    } else {
      return nil
    }
  }

  /// The precision for a model on this CPU; says on standard error what `auto` chose and what the CPU
  /// lacks.
  ///
  /// - Throws: a usage failure where int8 is asked of a model that is not calibrated.
  func precision(for model: Model) throws(Failure) -> PlanOptions.Precision {
    switch self {
    case .fixed(.int8) where !model.isCalibrated:
      throw Failure(
        .usage,
        "--precision int8: the model \(model.description.name) has not been calibrated. Run\n"
          + "  frcnn calibrate --model FILE --images FOLDER --output FILE.int8.safetensors\n"
          + "with some dozens of pictures such as it will see, and serve the file that it writes")
    case .fixed(let precision) where !precision.isSupported:
      StandardError.write(
        "frcnn: this CPU lacks what \(precision.rawValue) needs "
          + "(\(precision == .int8 ? "AVX-512 VNNI" : "AVX512_BF16")): computing in fp32\n")
      return .float32
    case .fixed(let precision): return precision
    case .automatic:
      let precision: PlanOptions.Precision =
        model.isCalibrated && PlanOptions.Precision.int8.isSupported
        ? .int8 : PlanOptions.Precision.bfloat16.isSupported ? .bfloat16 : .float32
      StandardError.write("frcnn: computing in \(precision.rawValue), by --precision auto\n")
      return precision
    }
  }
}

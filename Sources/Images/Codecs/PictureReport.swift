internal import CPicture

extension picture_report {
  /// The library's words.
  var text: String { String(zeroTerminated: message) }

  /// The error that a run ended with; `nil` where it succeeded.
  func error(
    _ status: picture_status, _ header: ImageHeader, byteCount: Int, _ limits: ImageLimits
  ) -> ImageError? {
    switch status {
    case picture_status_ok: nil
    // Libraries read ahead, so their own position is not where the bytes end.
    case picture_status_truncated: .truncated(header.format, byteOffset: byteCount)
    case picture_status_unsupported: .unsupported(header.format, detail: text)
    case picture_status_too_many_scans: .tooManyScans(limit: limits.maximumScans)
    case picture_status_out_of_memory: .outOfMemory(width: header.width, height: header.height)
    default: .corrupt(header.format, byteOffset: byte_offset, detail: text)
    }
  }

  /// What was odd about the file.
  func warnings(height: Int) -> [ImageWarning] {
    func has(_ oddity: picture_oddity) -> Bool { oddities & oddity.rawValue != 0 }
    var warnings: [ImageWarning] = []
    if has(picture_oddity_scan_parameters) {
      warnings.append(
        ImageWarning(.scanParameters, "A scan's header states parameters that are not its kind's."))
    }
    if has(picture_oddity_extraneous_bytes) {
      warnings.append(
        ImageWarning(
          .extraneousBytes,
          "\(extraneous_bytes) bytes that belong to no pixel stand before a marker."))
    }
    if has(picture_oddity_checksum) {
      warnings.append(
        ImageWarning(.checksum, "A part that no pixel needs was left out (\(text))."))
    }
    if has(picture_oddity_missing_end) {
      warnings.append(
        ImageWarning(
          .missingEnd, "The file has no end marker where one belongs; its pixels are all there."))
    }
    if has(picture_oddity_truncated) {
      warnings.append(.truncated(Int(first_missing_row)..<height, of: height))
    }
    if clipped_samples > 0 {
      warnings.append(
        ImageWarning(
          .clippedSamples,
          "\(clipped_samples) grey samples of 16 bits are larger than 255 and became white, as with "
            + "Pillow. Scale them to 8 bits before sending them."))
    }
    return warnings
  }
}

extension ImageWarning {
  /// Tells that some of a picture's rows are not whole.
  static func truncated(_ rows: Range<Int>, of height: Int) -> ImageWarning {
    ImageWarning(
      .truncated,
      "The file is cut: of \(height) stored rows, \(rows.lowerBound) to \(rows.upperBound - 1) are "
        + "missing or not whole.",
      missingRows: rows)
  }
}

extension String {
  /// Makes a string of a C array's bytes up to the first zero.
  init<Characters: BitwiseCopyable>(zeroTerminated characters: Characters) {
    self = unsafe withUnsafeBytes(of: characters) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}

extension StringProtocol {
  /// The text for HTML and SVG, between tags and in attributes with quotation marks.
  var escaped: String {
    var result = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      // No XML allows most control characters, and none of them means anything here.
      case _ where scalar.value < 0x20 && scalar != "\n" && scalar != "\t": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension BinaryFloatingPoint {
  /// The number with so many digits behind the point.
  func fixed(_ digits: Int) -> String {
    guard isFinite, abs(self) < 1e12 else { return isNaN ? "NaN" : "\(self)" }
    let scale = (0..<digits).reduce(1.0) { product, _ in product * 10 }
    let whole = Int((abs(Double(self)) * scale).rounded())
    var text = "\(whole)"
    text = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
    if digits > 0 { text.insert(".", at: text.index(text.endIndex, offsetBy: -digits)) }
    return (self < 0 && whole > 0 ? "-" : "") + text
  }

  /// A place in a drawing: a tenth of a pixel is finer than a screen.
  var place: String {
    let text = fixed(1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}

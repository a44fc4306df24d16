internal import CPicture

/// Where a decoder writes a picture: the stored rows go where the orientation has them.
///
/// Made by `ImageDecoder` around memory that outlives it; a codec must not keep it.
@safe
struct ImageDestination {
  /// The picture as it is stored.
  let width, height: Int

  private let placement: picture_destination

  /// Describes memory for a picture.
  ///
  /// - Parameters:
  ///   - pixels: 3 bytes for each pixel.
  ///   - header: the stored size.
  ///   - place: where stored pixels go.
  init(
    _ pixels: UnsafeMutableBufferPointer<UInt8>, _ header: ImageHeader, at place: OrientedPlacement
  ) {
    precondition(
      pixels.count == 3 * header.width * header.height,
      "\(pixels.count) bytes for \(header.width) x \(header.height) pixels")
    width = header.width
    height = header.height
    unsafe placement = picture_destination(
      pixels: pixels.baseAddress, byte_count: pixels.count, width: UInt32(header.width),
      height: UInt32(header.height), origin: place.origin, x_step: place.xStep, y_step: place.yStep)
  }

  /// Hands the description to a C function, which checks what it needs of it.
  func withPointer<Result>(
    _ body: (UnsafePointer<picture_destination>) throws(ImageError) -> Result
  ) throws(ImageError) -> Result {
    // Safety: the memory outlives this value, and so the call.
    var copy = unsafe placement
    return unsafe try body(&copy)
  }

  /// Writes the beginning of a stored row.
  func place(rgb: Span<UInt8>, inRow y: Int) {
    let count = checkedCount(rgb.count, bytesPerPixel: 3, row: y)
    // Safety: the row lies within the picture and `count` is at most its width; the span has 3 bytes
    // for each of them.
    unsafe rgb.withUnsafeBufferPointer { source in
      guard let first = source.baseAddress else { return }
      unsafe withUnsafePointer(to: placement) {
        unsafe picture_place_rgb($0, 0, UInt32(y), UInt32(count), first)
      }
    }
  }

  /// Writes the beginning of a stored row, composited over white.
  func place(rgba: Span<UInt8>, inRow y: Int) {
    let count = checkedCount(rgba.count, bytesPerPixel: 4, row: y)
    // Safety: the row lies within the picture and `count` is at most its width; the span has 4 bytes
    // for each of them.
    unsafe rgba.withUnsafeBufferPointer { source in
      guard let first = source.baseAddress else { return }
      unsafe withUnsafePointer(to: placement) {
        unsafe picture_place_rgba($0, 0, UInt32(y), UInt32(count), first)
      }
    }
  }

  /// Fills stored rows with what stands for those that are missing of a picture that is cut.
  func fillMissing(rows: Range<Int>) {
    precondition(rows.lowerBound >= 0 && rows.upperBound <= height, "rows \(rows) of \(height)")
    // Safety: the rows lie within the picture.
    unsafe withUnsafePointer(to: placement) {
      unsafe picture_fill($0, UInt32(rows.lowerBound), UInt32(rows.upperBound), picture_missing)
    }
  }

  private func checkedCount(_ byteCount: Int, bytesPerPixel: Int, row: Int) -> Int {
    precondition(
      0..<height ~= row && byteCount <= bytesPerPixel * width,
      "\(byteCount) bytes in row \(row) of \(width) x \(height) pixels")
    return byteCount / bytesPerPixel
  }
}

internal import FasterRCNN
internal import Images
internal import JSON
internal import Tensors

/// One entry of `inputs`.
struct InferenceInput {
  let name: String
  let parameters: [NamedValue]

  /// How many of the bytes behind the JSON are its data; `nil` where they stand in the JSON.
  let binarySize: Int?

  private let shape: Shape
  private let datatype: String
  /// Where the data begin in the JSON.
  private let data: JSONReader?

  /// Reads an entry; its data are only read once type and shape are known.
  init(_ reader: inout JSONReader) throws(JSONError) {
    var name: String?
    var shape: Shape?
    var datatype: String?
    var data: JSONReader?
    var parameters: [NamedValue] = []
    try reader.object { (member, reader) throws(JSONError) in
      if reader.takeNull() { return }
      switch member {
      case "name": name = try reader.text()
      case "shape": shape = try reader.shape()
      case "datatype": datatype = try reader.text()
      case "parameters": parameters = try reader.inferenceParameters()
      case "data":
        data = reader
        try reader.skipData()
      default: throw reader.failure("an input has name, shape, datatype, parameters and data")
      }
    }
    guard let name, let shape, let datatype else {
      throw reader.failure("an input needs name, shape and datatype")
    }
    var binarySize: Int?
    if let index = parameters.firstIndex(where: { $0.name == "binary_data_size" }) {
      guard let size = Int(parameters.remove(at: index).value) else {
        throw reader.failure("'binary_data_size' has to be a whole number")
      }
      binarySize = size
    }
    if let region = parameters.first(where: { $0.name.hasPrefix("shared_memory_") }) {
      throw reader.failure("'\(region.name.excerpt)': shared memory is not supported")
    }
    guard (data == nil) != (binarySize == nil) else {
      throw reader.failure("the input '\(name.excerpt)' needs either data or binary_data_size")
    }
    self.name = name
    self.parameters = parameters
    self.binarySize = binarySize
    self.shape = shape
    self.datatype = datatype
    self.data = data
  }

  /// What is to be worked on.
  ///
  /// - Parameters:
  ///   - body: the request's body.
  ///   - binary: where the input's bytes stand in it, if it is binary.
  /// - Returns: one thing for each picture or feature map.
  /// - Throws: a `Problem` where the tensor is not what its name stands for.
  func items(_ body: [UInt8], binary: Range<Int>) throws(Problem) -> [BodyItem] {
    switch (InferenceTensor(rawValue: name), datatype) {
    case (.image, "BYTES"): return try pictures(body, binary)
    case (.image, "UINT8"): return [.pixels(try pixels(body, binary))]
    case (.features, "FP32"):
      return [.features(FeatureBody(levels: [try features(body, binary)]))]
    case (.image, _):
      throw failure("is of type \(datatype.excerpt), but has to be BYTES [N] or UINT8 [H, W, 3]")
    case (.features, _):
      throw failure("is of type \(datatype.excerpt), but has to be FP32 [C, H, W]")
    default:
      throw Problem(
        .malformedRequest,
        "There is no input '\(name.excerpt)'; there are 'image' and 'features', which a feature "
          + "pyramid has as 'features.0', 'features.1' and so on.")
    }
  }

  private func pictures(_ body: [UInt8], _ binary: Range<Int>) throws(Problem) -> [BodyItem] {
    let count = shape.count
    guard (1...RequestBody.maximumItems).contains(count) else {
      throw failure("has \(count) pictures; 1 to \(RequestBody.maximumItems) are taken")
    }
    var items: [BodyItem] = []
    if let data {
      items = try Self.malformed { () throws(JSONError) in
        var (data, items) = (data, [BodyItem]())
        try data.array { (_, reader) throws(JSONError) in
          items.append(.decodedPicture(try reader.base64()))
        }
        return items
      }
      if items.contains(where: \.isEmpty) { throw RequestBody.noBytes }
    } else {
      // Each element is its length, 32 bits little-endian, and its bytes.
      var position = binary.lowerBound
      while position < binary.upperBound {
        guard binary.upperBound - position >= 4 else { throw failure("ends within a length") }
        let length = (0..<4).reduce(0) { $0 | Int(body[position + $1]) << (8 * $1) }
        position += 4
        guard length <= binary.upperBound - position else {
          throw failure("has an element of \(length) bytes that are not there")
        }
        guard length > 0 else { throw RequestBody.noBytes }
        items.append(.picture(position..<position + length))
        position += length
        guard items.count <= count else { break }
      }
    }
    guard items.count == count else {
      throw failure("has not the \(count) elements that its shape states")
    }
    return items
  }

  private func pixels(_ body: [UInt8], _ binary: Range<Int>) throws(Problem) -> Image {
    var extents = shape.dimensions
    if extents.count == 4, extents[0] == 1 { extents.removeFirst() }
    guard extents.count == 3, extents[2] == 3, extents[0] > 0, extents[1] > 0 else {
      throw failure("of type UINT8 has the shape \(shape), but has to be [H, W, 3]")
    }
    let pixels: [UInt8]
    if let data {
      let numbers = try Self.malformed { () throws(JSONError) in
        var data = data
        return try data.numbers(UInt8.self, count: shape.count)
      }
      guard numbers.fits(shape.dimensions) else { throw failure("is nested unlike its shape") }
      pixels = numbers.values
    } else {
      try check(binary, elementBytes: 1)
      pixels = Array(body[binary])
    }
    return Image(width: extents[1], height: extents[0], pixels: pixels)
  }

  /// Which level of a feature pyramid it is, as `features.2` says; `nil` for any other input.
  var level: Int? { InferenceTensor.named(name)?.level }

  /// The features of a level.
  ///
  /// - Parameters:
  ///   - body: the request's body.
  ///   - binary: where the input's bytes stand in it, if it is binary.
  /// - Returns: the tensor, (C, H, W) or (1, C, H, W).
  /// - Throws: a `Problem` where the tensor is not of numbers, or not of its shape.
  func features(_ body: [UInt8], _ binary: Range<Int>) throws(Problem) -> Tensor {
    guard datatype == "FP32" else {
      throw failure("is of type \(datatype.excerpt), but has to be FP32 [C, H, W]")
    }
    if let data {
      return try Self.malformed { () throws(JSONError) in
        var data = data
        return try data.tensor(try data.numbers(Float.self, count: shape.count), shape: shape)
      }
    }
    try check(binary, elementBytes: 4)
    let values = unsafe [Float](unsafeUninitializedCapacity: shape.count) { values, count in
      // Safety: `check` found 4 x shape.count bytes in the range, and there is room for as many.
      unsafe body[binary].withUnsafeBytes { bytes in
        unsafe UnsafeMutableRawBufferPointer(values).copyMemory(from: bytes)
      }
      count = shape.count
    }
    return Tensor(shape: shape, values: values)
  }

  private func check(_ binary: Range<Int>, elementBytes: Int) throws(Problem) {
    let (needed, overflow) = shape.count.multipliedReportingOverflow(by: elementBytes)
    guard !overflow, needed == binary.count else {
      throw failure("of shape \(shape) has \(binary.count) bytes, which do not fit")
    }
  }

  /// Reads JSON, and makes a problem of what is wrong with it.
  private static func malformed<Value>(
    _ read: () throws(JSONError) -> Value
  ) throws(Problem) -> Value {
    do throws(JSONError) { return try read() } catch { throw Problem(error) }
  }

  private func failure(_ reason: String) -> Problem {
    Problem(.malformedRequest, "The input '\(name.excerpt)' \(reason).", parameter: name.excerpt)
  }
}

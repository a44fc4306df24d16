import CConvolutionKernels
import Tensors
import Testing

@testable import Compute

/// Winograd's kernels for both widths of vectors, against the definition in double precision.
///
/// The transforms multiply by up to 8 and cancel, which costs about a digit (Lavin and Gray,
/// arXiv:1509.09308, section 7): for results of size 1 a float32 has 6e-8 of rounding a step, the
/// kernels were seen within 1e-5, and 5e-5 is allowed.
struct WinogradTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var images = 1
    var channels = (32, 32)
    /// The source's rows and columns.
    var source: (Int, Int)
    /// Where the first window begins.
    var origin = (-1, -1)
    /// The result's rows and columns before pooling.
    var result: (Int, Int)
    /// The rows and columns behind pooling; none for zeros.
    var pooled = (0, 0)
    var rows: Int
    var chunk: Int
    var isReLU = true
    /// Whether another map is added, and what larger results are lowered to.
    var adds = false
    var highest = Float.infinity

    var testDescription: String {
      "\(images)x\(channels), \(source) from \(origin) to \(result), pooled \(pooled), \(rows) rows"
    }
  }

  static let cases = [
    // One tile, of which the padding takes most; then whole tiles, then tiles cut off at both edges.
    Case(source: (1, 1), result: (1, 1), rows: 1, chunk: 1),
    Case(source: (4, 4), result: (4, 4), rows: 1, chunk: 1, isReLU: false),
    Case(images: 2, channels: (64, 96), source: (13, 22), result: (13, 22), rows: 5, chunk: 10),
    // Rows without a tile in the last block.
    Case(channels: (32, 64), source: (9, 30), result: (9, 30), rows: 6, chunk: 12),
    // A strip between two seams reads rows above and below it, and all columns.
    Case(source: (20, 11), origin: (3, -1), result: (6, 11), rows: 4, chunk: 4),
    // No padding at all, and more than one row of it.
    Case(source: (12, 12), origin: (0, 0), result: (10, 10), rows: 3, chunk: 9),
    Case(source: (6, 6), origin: (-2, -3), result: (8, 9), rows: 2, chunk: 2),
    // Pooling of even extents, and of odd ones rounded down and up.
    Case(source: (8, 12), result: (8, 12), pooled: (4, 6), rows: 6, chunk: 6),
    Case(source: (15, 9), result: (15, 9), pooled: (7, 4), rows: 6, chunk: 6, isReLU: false),
    Case(images: 2, source: (13, 17), result: (13, 17), pooled: (7, 9), rows: 5, chunk: 5),
    // A sum, as in a residual block, of whole tiles and of tiles that are cut off, and before pooling.
    Case(
      images: 2, channels: (32, 64), source: (9, 14), result: (9, 14), rows: 5, chunk: 10,
      adds: true),
    Case(source: (8, 12), result: (8, 12), pooled: (4, 6), rows: 6, chunk: 6, adds: true),
    // ReLU6.
    Case(source: (9, 9), result: (9, 9), rows: 6, chunk: 6, highest: 0.75),
    // A last panel of output channels that is half empty, alone and behind a whole one.
    Case(channels: (32, 16), source: (9, 9), result: (9, 9), rows: 6, chunk: 6),
    Case(
      channels: (16, 48), source: (8, 12), result: (8, 12), pooled: (4, 6), rows: 5, chunk: 5,
      adds: true),
  ]

  static let lanes = Engine.winogradLanes ?? 0

  @Test(.enabled(if: lanes >= 16, "this CPU has no AVX-512"), arguments: cases)
  func isTheConvolutionInVectorsOf16(_ given: Case) throws { try expectConvolution(given, 16) }

  @Test(.enabled(if: lanes >= 8, "this CPU has no AVX2"), arguments: cases)
  func isTheConvolutionInVectorsOf8(_ given: Case) throws { try expectConvolution(given, 8) }

  /// Values and weights are rounded to 8 bits between their transforms, which multiply that by about 4:
  /// results of 1 or so are off by a hundredth, and some by three.
  @Test(.enabled(if: Engine.hasBFloat16, "this CPU has no AVX512_BF16"), arguments: cases)
  func isNearlyTheConvolutionInBFloat16(_ given: Case) throws {
    try expectConvolution(given, 16, multipliesBFloat16: true)
  }

  private func expectConvolution(
    _ given: Case, _ lanes: Int, multipliesBFloat16: Bool = false
  ) throws {
    let (inputs, outputs) = given.channels
    var random = Random(state: 11)
    let source = random.values(given.images * inputs * given.source.0 * given.source.1)
    let scale = 1 / Float(9 * inputs).squareRoot()
    let weights = random.values(9 * inputs * outputs).map { $0 * scale }
    let biases = random.values(outputs)
    let scales = random.values(outputs).map { 1 + 0.5 * $0 }

    let addend = random.values(given.images * outputs * given.result.0 * given.result.1)
    let type = winograd_type(
      lanes: winograd_lanes(lanes), multiplies_bfloat16: multipliesBFloat16)
    let found = try run(given, type, source, weights, biases, scales, addend)
    let wanted = reference(given, source, weights, biases, scales, addend).map { Float($0) }
    guard multipliesBFloat16 else {
      #expect(largestDifference(found, wanted) < 5e-5)
      return
    }
    #expect(largestDifference(found, wanted) < 0.05)
    let squares = zip(found, wanted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    #expect((squares / Float(wanted.count)).squareRoot() < 0.012)
    #expect(squares > 0, "nothing was rounded")
  }

  /// The kinds of maps, and whether their channels lie innermost.
  static let kinds = [
    (winograd_map_float32, false), (winograd_map_float32, true), (winograd_map_bfloat16, true),
    (winograd_map_bfloat16, false), (winograd_map_bytes, true),
  ]

  /// Whole numbers up to 255, which maps of all kinds hold.
  @Test(.enabled(if: Engine.hasBFloat16, "this CPU has no AVX512_BF16"), arguments: [false, true])
  func mapsOfAllKindsHoldTheSameNumbers(pools: Bool) throws {
    let (channels, height, width, images) = (32, 9, 14, 2)
    let written = pools ? (4, 7) : (height, width)
    let type = winograd_type(lanes: 16, multiplies_bfloat16: true)
    var random = Random(state: 12)
    func whole(_ count: Int) -> [Float] {
      random.values(count).map { (abs($0) * 255).rounded(.down) }
    }
    let source = whole(images * channels * height * width)
    let addend = whole(images * channels * height * width)
    let weights = random.values(9 * channels * channels)
    let biases = try MemoryBlock(copying: random.values(channels).map { 50 * $0 - 50 })
    let transformed = try MemoryBlock(
      count: winograd_weight_size(type, Int32(channels), Int32(channels)))
    let scratch = try MemoryBlock(count: winograd_scratch_size(type, Int32(channels), 6, 6))
    unsafe weights.withUnsafeBufferPointer { weights in
      guard let base = weights.baseAddress else { return }
      unsafe winograd_transform_weights(
        type, base, nil, Int32(channels), Int32(channels), transformed.address)
    }
    /// Where a number of a map of (N, C, H, W) lies.
    func place(_ index: Int, _ extents: (Int, Int), _ isInnermost: Bool) -> Int {
      let area = extents.0 * extents.1
      let (plane, cell) = (index / area, index % area)
      let (image, channel) = (plane / channels, plane % channels)
      return isInnermost
        ? (image * area + cell) * channels + channel
        : (image * channels + channel / 16 * 16) * area + cell * 16 + channel % 16
    }
    func map(
      _ block: MemoryBlock, _ extents: (Int, Int), _ kind: (winograd_map_kind, Bool)
    ) -> winograd_map {
      let area = extents.0 * extents.1
      let pixel = kind.1 ? channels : 16
      return unsafe winograd_map(
        address: block.address, kind: kind.0, image: channels * area,
        block: kind.1 ? 16 : 16 * area, row: extents.1 * pixel, pixel: pixel)
    }
    func block(_ values: [Float], _ kind: (winograd_map_kind, Bool)) throws -> MemoryBlock {
      let block = try MemoryBlock(zeros: 4 * values.count)
      for (index, value) in values.enumerated() {
        let place = place(index, (height, width), kind.1)
        switch kind.0 {
        case winograd_map_bytes:
          unsafe block.address.storeBytes(of: UInt8(value), toByteOffset: place, as: UInt8.self)
        case winograd_map_bfloat16:
          unsafe block.address.storeBytes(
            of: UInt16(value.bitPattern >> 16), toByteOffset: 2 * place, as: UInt16.self)
        default:
          unsafe block.address.storeBytes(of: value, toByteOffset: 4 * place, as: Float.self)
        }
      }
      return block
    }
    func result(
      _ sourceKind: (winograd_map_kind, Bool), _ addendKind: (winograd_map_kind, Bool),
      _ kind: (winograd_map_kind, Bool)
    ) throws -> [Float] {
      let maps = (try block(source, sourceKind), try block(addend, addendKind))
      let count = images * channels * written.0 * written.1
      let destination = try MemoryBlock(zeros: 4 * count)
      var convolution = unsafe winograd_convolution(
        source: map(maps.0, (height, width), sourceKind),
        destination: map(destination, written, kind), weights: transformed.address,
        biases: biases.address.assumingMemoryBound(to: Float.self), scale: 0.1,
        input_channels: Int32(channels), output_channels: Int32(channels),
        source_height: Int32(height),
        source_width: Int32(width), top: -1, left: -1, height: Int32(height),
        width: Int32(width), pooled_height: pools ? 4 : 0, pooled_width: pools ? 7 : 0,
        addend: map(maps.1, (height, width), addendKind), addend_scale: 0.5, lowest: 0,
        highest: .infinity, rows: 6)
      let tiles = images * winograd_tile_count(Int32(height), Int32(width))
      for first in stride(from: 0, to: tiles, by: 6) {
        unsafe winograd_run(
          type, &convolution, first, min(6, tiles - first), 0, 1,
          scratch.address.assumingMemoryBound(to: Float.self))
      }
      withExtendedLifetime(maps) {}
      return (0..<count).map { index in
        let place = place(index, written, kind.1)
        let address = unsafe destination.address
        return switch kind.0 {
        case winograd_map_bytes:
          unsafe Float(address.load(fromByteOffset: place, as: UInt8.self))
        case winograd_map_bfloat16:
          unsafe Float(
            bitPattern: UInt32(address.load(fromByteOffset: 2 * place, as: UInt16.self)) << 16)
        default: unsafe address.load(fromByteOffset: 4 * place, as: Float.self)
        }
      }
    }
    let floats = Self.kinds[0]
    let wanted = try result(floats, floats, floats)
    #expect(wanted.contains { $0 > 255 } && wanted.contains(0), "nothing is cut off")
    for kind in Self.kinds {
      #expect(try result(kind, floats, floats) == wanted)
      #expect(try result(floats, kind, floats) == wanted)
      let found = try result(floats, floats, kind)
      for (found, wanted) in zip(found, wanted) {
        switch kind.0 {
        case winograd_map_bytes:
          #expect(found == min(wanted, 255).rounded(.toNearestOrEven))
        case winograd_map_bfloat16: #expect(abs(found - wanted) <= abs(wanted) / 256)
        default: #expect(found == wanted)
        }
      }
    }
  }

  /// A NaN in the picture is seen in the result and is not made a zero by ReLU.
  @Test(.enabled(if: lanes >= 8, "this CPU has no AVX2"), arguments: [lanes, 8])
  func notANumberStays(lanes: Int) throws {
    let type = winograd_type(lanes: winograd_lanes(lanes), multiplies_bfloat16: false)
    let given = Case(source: (4, 4), result: (4, 4), rows: 1, chunk: 1)
    var source = [Float](repeating: 1, count: 32 * 16)
    source[5] = .nan
    let found = try run(
      given, type, source, [Float](repeating: 1, count: 9 * 32 * 32),
      [Float](repeating: 0, count: 32), [Float](repeating: 1, count: 32), [])
    #expect(found.allSatisfy { $0.isNaN })
  }

  /// Runs the kernel on maps in rows of channels, (N, C, H, W), and returns its result alike.
  private func run(
    _ given: Case, _ type: winograd_type, _ source: [Float], _ weights: [Float], _ biases: [Float],
    _ scales: [Float], _ addend: [Float]
  ) throws -> [Float] {
    let (inputs, outputs) = given.channels
    let lanes = Int(type.lanes)
    let pools = given.pooled.0 > 0
    let written = pools ? given.pooled : given.result
    let (area, writtenArea) = (given.source.0 * given.source.1, written.0 * written.1)
    func blocked(_ values: [Float], channels: Int, area: Int) -> [Float] {
      var result = values
      for (index, value) in values.enumerated() {
        let (plane, cell) = (index / area, index % area)
        let (image, channel) = (plane / channels, plane % channels)
        result[
          (image * channels + channel / lanes * lanes) * area + cell * lanes + channel % lanes] =
          value
      }
      return result
    }
    let resultArea = given.result.0 * given.result.1
    let panels = (outputs + 2 * lanes - 1) / (2 * lanes)
    let transformed = try MemoryBlock(
      count: winograd_weight_size(type, Int32(inputs), Int32(panels * 2 * lanes)))
    let scratch = try MemoryBlock(
      count: winograd_scratch_size(type, Int32(inputs), Int32(given.rows), given.chunk))
    // What an earlier layer left in the scratch memory must not matter.
    unsafe scratch.address.initializeMemory(as: UInt8.self, repeating: 0xFF, count: scratch.count)
    // Some floats more around the result, to see that nothing else is written, and NaNs around the
    // source, to see that nothing else is read.
    let (count, margin) = (given.images * outputs * writtenArea, 64)
    let result = try MemoryBlock(copying: [Float](repeating: -7, count: count + 2 * margin))
    let around = [Float](repeating: .nan, count: margin)
    let blocks = (
      source: try MemoryBlock(
        copying: around + blocked(source, channels: inputs, area: area) + around),
      weights: try MemoryBlock(copying: weights),
      biases: try MemoryBlock(copying: biases), scales: try MemoryBlock(copying: scales),
      addend: try MemoryBlock(copying: blocked(addend, channels: outputs, area: resultArea))
    )
    func floats(_ block: MemoryBlock) -> UnsafeMutablePointer<Float> {
      unsafe block.address.assumingMemoryBound(to: Float.self)
    }
    // In two calls, as parts of a file are.
    let half = outputs / 2 / (2 * lanes) * 2 * lanes
    for (first, part) in [(0, half), (half, outputs - half)] where part > 0 {
      unsafe winograd_transform_weights(
        type, floats(blocks.weights) + first * 9 * inputs,
        floats(blocks.scales) + first, Int32(inputs), Int32(part),
        transformed.address + first * winograd_weight_size(type, Int32(inputs), 1))
    }
    func map(_ address: UnsafeMutablePointer<Float>, channels: Int, width: Int, area: Int)
      -> winograd_map
    {
      unsafe winograd_map(
        address: address, kind: winograd_map_float32, image: channels * area, block: area * lanes,
        row: width * lanes, pixel: lanes)
    }
    var convolution = unsafe winograd_convolution(
      source: map(
        floats(blocks.source) + margin, channels: inputs, width: given.source.1, area: area),
      destination: map(
        floats(result) + margin, channels: outputs, width: written.1, area: writtenArea),
      weights: transformed.address,
      biases: floats(blocks.biases), scale: 1, input_channels: Int32(inputs),
      output_channels: Int32(outputs),
      source_height: Int32(given.source.0), source_width: Int32(given.source.1),
      top: Int32(given.origin.0), left: Int32(given.origin.1), height: Int32(given.result.0),
      width: Int32(given.result.1), pooled_height: Int32(given.pooled.0),
      pooled_width: Int32(given.pooled.1),
      addend: given.adds
        ? map(
          floats(blocks.addend), channels: outputs, width: given.result.1, area: resultArea)
        : winograd_map(), addend_scale: 1, lowest: given.isReLU ? 0 : -.infinity,
      highest: given.highest, rows: Int32(given.rows))
    // A chunk may hold tiles of two images; output channels may be computed a panel at a time.
    let tiles = given.images * winograd_tile_count(Int32(given.result.0), Int32(given.result.1))
    for first in stride(from: 0, to: tiles, by: given.chunk) {
      for (panel, count) in [(0, panels - 1), (panels - 1, 1)] where count > 0 {
        unsafe winograd_run(
          type, &convolution, first, min(given.chunk, tiles - first),
          Int32(panel), Int32(count), floats(scratch))
      }
    }
    let everything = unsafe Array(
      UnsafeBufferPointer(start: floats(result), count: count + 2 * margin))
    withExtendedLifetime((blocks, transformed, scratch, result)) {}
    let others = everything[..<margin] + everything[(margin + count)...]
    #expect(others.allSatisfy { $0 == -7 })
    let values = Array(everything[margin..<margin + count])
    return (0..<count).map { index in
      let (cell, channel) = (index % writtenArea, index / writtenArea % outputs)
      let image = index / writtenArea / outputs
      return values[
        (image * outputs + channel / lanes * lanes) * writtenArea + cell * lanes + channel % lanes]
    }
  }

  private func reference(
    _ given: Case, _ source: [Float], _ weights: [Float], _ biases: [Float], _ scales: [Float],
    _ addend: [Float]
  ) -> [Double] {
    let (inputs, outputs) = given.channels
    func value(_ image: Int, _ output: Int, _ y: Int, _ x: Int) -> Double {
      var sum = 0.0
      for input in 0..<inputs {
        for tap in 0..<9 {
          let (row, column) = (y + given.origin.0 + tap / 3, x + given.origin.1 + tap % 3)
          guard (0..<given.source.0).contains(row), (0..<given.source.1).contains(column) else {
            continue
          }
          sum +=
            Double(weights[(output * inputs + input) * 9 + tap])
            * Double(
              source[((image * inputs + input) * given.source.0 + row) * given.source.1 + column])
        }
      }
      var result = sum * Double(scales[output]) + Double(biases[output])
      if given.adds {
        let place = ((image * outputs + output) * given.result.0 + y) * given.result.1 + x
        result += Double(addend[place])
      }
      return min(given.isReLU ? max(result, 0) : result, Double(given.highest))
    }
    let pools = given.pooled.0 > 0
    let written = pools ? given.pooled : given.result
    var results: [Double] = []
    for image in 0..<given.images {
      for output in 0..<outputs {
        for y in 0..<written.0 {
          for x in 0..<written.1 {
            guard pools else {
              results.append(value(image, output, y, x))
              continue
            }
            var most = -Double.infinity
            for row in 2 * y..<min(2 * y + 2, given.result.0) {
              for column in 2 * x..<min(2 * x + 2, given.result.1) {
                most = max(most, value(image, output, row, column))
              }
            }
            results.append(most)
          }
        }
      }
    }
    return results
  }
}

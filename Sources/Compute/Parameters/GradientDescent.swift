internal import CConvolutionKernels
internal import Tensors

/// Stochastic gradient descent with momentum, as PyTorch's `SGD` without dampening and Nesterov's step.
///
/// For each parameter `m = momentum m + (g + decay w)`, then `w -= rate m`: the rate is no part of the
/// momentum, other than in Caffe. The result does not depend on how many threads compute it.
///
/// It belongs to the compute thread of the parameters.
@safe public final class GradientDescent {
  /// How one parameter is updated.
  public struct Rule: Sendable, Hashable {
    /// The learning rate.
    public var rate: Float
    /// The part of each number that is added to its gradient.
    public var decay: Float

    /// Makes a rule.
    public init(rate: Float, decay: Float) {
      self.rate = rate
      self.decay = decay
    }
  }

  /// The parameters, in the store's order.
  public let parameters: [Parameter]

  private let momenta: [MemoryBlock]

  /// Prepares the descent of all parameters of a store, with momenta of zero.
  public init(_ store: ParameterStore) throws(ComputeError) {
    parameters = store.parameters
    var momenta: [MemoryBlock] = []
    for parameter in parameters {
      momenta.append(try MemoryBlock(zeros: parameter.shape.count * MemoryLayout<Float>.stride))
    }
    self.momenta = momenta
  }

  /// The numbers that a thread takes at a time; sums depend on it, and so it never changes.
  private static let chunk = 1 << 16

  /// Finishes the gradients that plans have computed, before the norm and the step.
  ///
  /// - Returns: The norm of all of them together; not finite where one of them is not.
  public func finishGradients() -> Float {
    var sum = 0.0
    for parameter in parameters {
      parameter.unscaleGradient()
      let count = parameter.shape.count
      let chunks = (count + Self.chunk - 1) / Self.chunk
      var sums = [Double](repeating: 0, count: chunks)
      unsafe sums.withUnsafeMutableBufferPointer { sums in
        let sums = sums.baseAddress
        OpenMP.parallel(chunks, threadCount: OpenMP.threadCount) { range in
          for index in range {
            let start = index * Self.chunk
            // Safety: chunks lie within the parameter, and each has a sum of its own.
            unsafe sums?[index] = gradient_square_sum(
              parameter.gradientValues + start, min(Self.chunk, count - start))
          }
        }
      }
      sum += sums.reduce(0, +)
    }
    return Float(sum.squareRoot())
  }

  /// What gradients are multiplied with so that their norm is no more than a bound.
  ///
  /// As PyTorch's `clip_grad_norm_`: the bound is met to 1e-6, and a norm of 0 stays.
  ///
  /// - Parameters:
  ///   - norm: what `finishGradients` has returned.
  ///   - maximum: the bound; `nil` for none.
  /// - Returns: 1, or less where the norm is above the bound.
  public static func factor(clipping norm: Float, to maximum: Float?) -> Float {
    maximum.map { min(1, $0 / (norm + 1e-6)) } ?? 1
  }

  /// Changes all parameters once.
  ///
  /// - Parameters:
  ///   - momentum: how much of the last update this one repeats.
  ///   - gradientFactor: what gradients are multiplied with first, to clip them.
  ///   - rule: how a parameter is updated.
  public func step(
    momentum: Float, gradientFactor: Float = 1, rule: (Parameter) -> Rule
  ) {
    for (parameter, momenta) in zip(parameters, momenta) {
      let rule = rule(parameter)
      let count = parameter.shape.count
      let chunks = (count + Self.chunk - 1) / Self.chunk
      let momenta = unsafe momenta.address.assumingMemoryBound(to: Float.self)
      OpenMP.parallel(chunks, threadCount: OpenMP.threadCount) { range in
        let start = range.lowerBound * Self.chunk
        // Safety: all three have as many numbers as the parameter.
        unsafe gradient_descend(
          parameter.own + start, momenta + start, parameter.gradientValues + start,
          min(range.upperBound * Self.chunk, count) - start, gradientFactor, rule.decay, momentum,
          rule.rate)
      }
      parameter.publish()
    }
  }

  /// Calls a closure with the momentum of a parameter, which it may change.
  public func withMomentum<Result>(
    of index: Int, _ body: (inout MutableSpan<Float>) -> Result
  ) -> Result {
    // Safety: the block has as many floats as the parameter.
    var span = unsafe MutableSpan(
      _unsafeStart: momenta[index].address.assumingMemoryBound(to: Float.self),
      count: parameters[index].shape.count)
    return body(&span)
  }
}

/// A running average of parameters: `a = decay a + (1 - decay) w` after each step (Polyak and Juditsky's
/// averaging with forgetting, as in torchvision's `ExponentialMovingAverage`).
@safe public final class ExponentialAverage {
  /// The parameters, and behind them the statistics, in the store's order.
  public let parameters: [Parameter]

  private let averages: [MemoryBlock]

  /// Begins with the parameters as they are.
  public init(_ store: ParameterStore) throws(ComputeError) {
    parameters = store.parameters + store.statistics
    var averages: [MemoryBlock] = []
    for parameter in parameters {
      let block = try MemoryBlock(count: parameter.shape.count * MemoryLayout<Float>.stride)
      // Safety: the block has as many floats as the parameter.
      unsafe block.address.copyMemory(from: parameter.own, byteCount: block.count)
      averages.append(block)
    }
    self.averages = averages
  }

  /// Takes in the parameters as they are now.
  public func add(decay: Float) {
    for (parameter, average) in zip(parameters, averages) {
      let average = unsafe average.address.assumingMemoryBound(to: Float.self)
      OpenMP.parallel(parameter.shape.count, threadCount: OpenMP.threadCount) { range in
        // Safety: both have as many numbers.
        unsafe gradient_average(
          average + range.lowerBound, parameter.own + range.lowerBound, range.count, decay)
      }
    }
  }

  /// Calls a closure with the average of a parameter, which it may change.
  public func withAverage<Result>(
    of index: Int, _ body: (inout MutableSpan<Float>) -> Result
  ) -> Result {
    // Safety: as above.
    var span = unsafe MutableSpan(
      _unsafeStart: averages[index].address.assumingMemoryBound(to: Float.self),
      count: parameters[index].shape.count)
    return body(&span)
  }
}

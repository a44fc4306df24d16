/// A colour of 8 bits a channel.
public struct Colour: Sendable, Hashable {
  /// The share of red.
  public var red: UInt8
  /// The share of green.
  public var green: UInt8
  /// The share of blue.
  public var blue: UInt8

  /// Makes a colour.
  public init(red: UInt8, green: UInt8, blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// Black.
  public static let black = Self(red: 0, green: 0, blue: 0)
  /// White.
  public static let white = Self(red: 255, green: 255, blue: 255)

  /// Relative luminance, 0 for black to 1 for white (WCAG 2.2, with sRGB's curve taken as a square).
  var luminance: Float {
    func linear(_ sample: UInt8) -> Float { Float(sample) * Float(sample) / (255 * 255) }
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
  }

  /// Black or white, whichever can be read better on this colour.
  public var readableText: Self {
    // Contrast is (L1 + 0.05) / (L2 + 0.05): equal for both at sqrt(1.05 * 0.05) - 0.05.
    luminance > 0.179 ? .black : .white
  }

  /// The colour of a class: neighbouring classes differ clearly, and all are neither near black nor
  /// near white, so that they show on light and on dark pictures.
  ///
  /// - Parameter index: the class, counted from 0; traps on less.
  /// - Returns: always the same colour for a class.
  public static func ofClass(_ index: Int) -> Self {
    precondition(index >= 0, "class \(index)")
    if index < firstColours.count { return firstColours[index] }
    // Further hues by the golden ratio, which never comes near a hue that it gave just before.
    let hue = (Float(index % 10_000) * 0.618_034).truncatingRemainder(dividingBy: 1)
    return Self(hue: hue, value: index.isMultiple(of: 2) ? 0.86 : 0.68)
  }

  private static let firstColours: [Self] = [
    Self(red: 226, green: 42, blue: 42), Self(red: 38, green: 110, blue: 230),
    Self(red: 20, green: 150, blue: 70), Self(red: 235, green: 125, blue: 10),
    Self(red: 150, green: 60, blue: 210), Self(red: 0, green: 150, blue: 165),
    Self(red: 215, green: 40, blue: 140), Self(red: 140, green: 120, blue: 0),
    Self(red: 130, green: 80, blue: 45), Self(red: 90, green: 115, blue: 140),
  ]

  /// A saturated colour from its hue (0 to 1, red at 0).
  private init(hue: Float, value: Float) {
    func channel(_ offset: Float) -> UInt8 {
      let position = (6 * hue + offset).truncatingRemainder(dividingBy: 6)
      let share = 1 - 0.85 * max(0, min(1, min(position, 4 - position)))
      return UInt8((255 * value * share).rounded())
    }
    self.init(red: channel(5), green: channel(3), blue: channel(1))
  }
}

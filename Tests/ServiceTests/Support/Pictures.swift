import Foundation

/// Small pictures of 16 x 8 pixels, encoded by Pillow 11: red grows to the right, green downwards.
enum Pictures {
  /// RGB.
  static let png = bytes(
    """
    iVBORw0KGgoAAAANSUhEUgAAABAAAAAICAIAAAB/FOjAAAAAGklEQVR42mNkYGgQYGAgHrEwKDCQBEY1EAMA3O4CbuY7xhQA\
    AAAASUVORK5CYII=
    """)

  /// The same as base64.
  static let pngText = Data(png).base64EncodedString()

  /// RGB with EXIF orientation 6: seen upright it has 8 columns and 16 rows.
  static let rotatedJPEG = bytes(
    """
    /9j/4AAQSkZJRgABAQAAAQABAAD/4QAiRXhpZgAATU0AKgAAAAgAAQESAAMAAAABAAYAAAAAAAD/2wBDABsSFBcUERsXFhce\
    HBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1u\
    pKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/wAARCAAIABADASIAAhEBAxEB/8QA\
    FQABAQAAAAAAAAAAAAAAAAAAAAT/xAAXEAEAAwAAAAAAAAAAAAAAAAAAAwVi/8QAFQEBAQAAAAAAAAAAAAAAAAAAAgP/xAAY\
    EQADAQEAAAAAAAAAAAAAAAAAAgMEUf/aAAwDAQACEQMRAD8Amirsq4q7IA9WJZbv0//Z
    """)

  /// Grey.
  static let greyJPEG = bytes(
    """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWG\
    kJ6jq62rZ4C8ybqmx5moq6T/wAALCAAIABABAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABP/EABcQAAMBAAAAAAAAAAAAAAAA\
    AAADBWL/2gAIAQEAAD8AMqdkWqdk/9k=
    """)

  private static func bytes(_ base64: String) -> [UInt8] {
    Data(base64Encoded: base64).map { [UInt8]($0) } ?? []
  }
}

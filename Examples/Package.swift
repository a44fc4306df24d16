// swift-tools-version: 6.2

import PackageDescription

// A user's package: it has what the products give and nothing else. `scripts/check-library` builds it as strictly as the
// project itself, and runs it.
let settings: [SwiftSetting] = [
  .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"), .strictMemorySafety(),
]

let package = Package(
  name: "Examples",
  // A clone of the project; `.package(url: …, from: …)` where it is published.
  dependencies: [.package(name: "frcnn", path: "..")],
  targets: [
    .executableTarget(
      name: "find-objects", dependencies: [.product(name: "FasterRCNN", package: "frcnn")],
      swiftSettings: settings),
    .executableTarget(
      name: "learn", dependencies: [.product(name: "Training", package: "frcnn")],
      swiftSettings: settings),
    .executableTarget(
      name: "boxes", dependencies: [.product(name: "Detection", package: "frcnn")],
      swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)

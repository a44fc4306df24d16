// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that nothing that only a benchmark needs becomes a part of the product.
let package = Package(
  name: "Benchmarks",
  dependencies: [.package(name: "frcnn", path: "..")],
  targets: [
    .target(name: "CAllocationCount"),
    .executableTarget(
      name: "detection-benchmark",
      dependencies: [.product(name: "Detection", package: "frcnn"), "CAllocationCount"],
      swiftSettings: [
        .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"), .strictMemorySafety(),
      ]),
    .executableTarget(
      name: "training-benchmark",
      dependencies: [.product(name: "Training", package: "frcnn")],
      swiftSettings: [
        .treatAllWarnings(as: .error), .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)

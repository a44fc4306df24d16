// swift-tools-version: 6.2

import PackageDescription

// Hummingbird answering what `scripts/load peers` asks of frcnn: kept apart, so that the product has no
// part of it.
let package = Package(
  name: "peer",
  platforms: [.macOS(.v14)],
  dependencies: [
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1")
  ],
  targets: [
    .executableTarget(
      name: "peer", dependencies: [.product(name: "Hummingbird", package: "hummingbird")])
  ]
)

# syntax=docker/dockerfile:1

# The build: Swift on Debian 12, whose libdnnl-dev is oneDNN 2.x.
FROM docker.io/library/swift:6.3-bookworm AS build
# `--build-arg HEIF=1` puts in AVIF and HEIC, and 24 MB of libheif and what it depends on.
ARG HEIF=
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        libssl-dev zlib1g-dev libjpeg-dev libpng-dev libwebp-dev libtiff-dev libdnnl-dev \
        ${HEIF:+libheif-dev} \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
# Swift's own libraries become part of the program. It exports nothing, so that the linker may drop what nobody calls; code
# that is the same stands once; addresses that are set at its start are packed, as glibc 2.36 reads them; symbols are left
# out. Together 2 MB less of 31.
ENV BUILD_OPTIONS="--configuration release --static-swift-stdlib -Xswiftc -use-ld=lld -Xlinker --no-export-dynamic \
-Xlinker --icf=safe -Xlinker -z -Xlinker pack-relative-relocs -Xlinker -s"
# Swift packages are fetched and compiled before any source of this one is here, so that these layers
# stay as they are when a source changes: every target is an empty file for the time being.
COPY Package.swift deploy/container/compile-dependencies deploy/container/ArgumentParserFoundation.swift ./
RUN ./compile-dependencies
COPY openapi.yaml ./
COPY docs/images/example.jpg ./docs/images/example.jpg
COPY Sources ./Sources
RUN swift build $BUILD_OPTIONS --product frcnn \
        --traits "default${HEIF:+,HEIF}" \
    && install -D .build/release/frcnn /out/usr/local/bin/frcnn \
    && install -D --mode 644 Package.resolved /out/usr/share/doc/frcnn/Package.resolved \
    && swift --version >/out/usr/share/doc/frcnn/swift-version

# What runs: the program, which holds the default model, and the C libraries it calls.
FROM docker.io/library/debian:bookworm-slim
ARG HEIF=
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        libdnnl2 libjpeg62-turbo libpng16-16 libssl3 libtiff6 libwebp7 zlib1g ${HEIF:+libheif1} \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log
COPY --from=build /out/ /
COPY LICENSE NOTICE deploy/container/bill-of-materials /usr/share/doc/frcnn/

ARG VERSION=0.1.0
ARG REVISION=
# What is in the image, for those who look for faults in it: CycloneDX at a fixed place.
RUN cd /usr/share/doc/frcnn && ./bill-of-materials "$VERSION" "$REVISION" >sbom.cdx.json \
    && rm bill-of-materials Package.resolved swift-version
LABEL org.opencontainers.image.title="frcnn" \
      org.opencontainers.image.description="Faster R-CNN over HTTP on the CPU: a picture in, proposals and detections out as JSON" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"

# A number, because Kubernetes' runAsNonRoot cannot look up a name.
USER 10001:10001
# Within a container only its own network is reachable; what is published is docker's business.
ENV FRCNN_HOST=0.0.0.0 FRCNN_PORT=8080
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/frcnn", "health"]
ENTRYPOINT ["/usr/local/bin/frcnn"]
CMD ["serve"]

#!/bin/sh
# --- pins: begin ---
PRODUCT_VERSION=''
SOURCES=''
RELEASE_KEYS=''
RELEASE_THRESHOLD=''
PINS=''
# --- pins: end ---

"""Radio physics of a dock door: what a Gen2 reader would report while loads move, from one seed.

`parameters` holds every number and its source; `world` the moving boxes that carry tags; `propagation`, `antenna`,
`shadowing` and `inlay` the link; `timing` and `inventory` the air protocol; `receiver` what the reader reports of a
reply; `radio` runs one reader over time; `photo_eye` the light barriers; `recording` what comes out.
"""

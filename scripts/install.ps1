& {
    # --- pins: begin ---
    $ProductVersion = ''
    $Sources = @()
    $ReleaseKeys = @()
    $ReleaseThreshold = 0
    $Pins = @{}
    # --- pins: end ---
}

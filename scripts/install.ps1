# Installs OffGrid LLM on Windows:   irm https://offgrid-llm.io/install.ps1 | iex
# With words of its own:             & ([scriptblock]::Create((irm https://offgrid-llm.io/install.ps1))) plan --explain
#
# It downloads one small program, OffGrid Setup, checks its size and SHA-256 against what is pinned below,
# starts it with your words (`install` when the first is not a command) and removes it. Windows has no tool
# for minisign signatures; the digest in this script stands in for it, and the program checks the
# signatures of everything that it downloads after it.
#   $env:OFFGRID_SETUP_SOURCE = URL or folder    (or --source) is asked first
#   $env:OFFGRID_SETUP_ALLOW_HTTP = '1'          lets sources without https be used
# Exit codes are those of OffGrid Setup: 2 usage, 3 not for this machine, 4 unreachable, 5 untrusted,
# 8 no permission, 9 no space. Needs Windows PowerShell 5.1 or newer.
#
# One script block to the last line: a copy that was cut off is a syntax error and does nothing. Under
# `iex` there is no script to exit from, and `exit` would close the person's window: the code is then left
# in $LASTEXITCODE. Run as a file (powershell -File install.ps1) it is the exit code.
& {
    param([object[]] $Words)

    # `offgrid-depot publish` replaces what is between the two marker lines.
    # --- pins: begin ---
    $ProductVersion = ''
    $Sources = @()
    $ReleaseKeys = @()
    $ReleaseThreshold = 0
    $Pins = @{}
    # --- pins: end ---

    $ErrorActionPreference = 'Stop'
    $ProgressPreference = 'SilentlyContinue'   # the progress bar of 5.1 makes downloads ten times slower
    Set-StrictMode -Version 2.0
    $Words = @($Words | Where-Object { $null -ne $_ } | ForEach-Object { [string] $_ })
    $stallMilliseconds = 30000
    $attempts = 3

    function Write-Line([string] $Text) {
        if (-not ($Words -contains '--quiet')) { [Console]::Error.WriteLine($Text) }
    }

    # An exception of our own carries the exit code to the one place that reports it.
    function Stop-Install([int] $Exit, [string] $Code, [string] $What, [string[]] $Todo) {
        $lines = @("error [$Code]: $What") + @($Todo | Where-Object { $_ } | ForEach-Object { "  $_" })
        $problem = New-Object System.InvalidOperationException (($lines -join [Environment]::NewLine))
        $problem.Data['offgrid-exit'] = $Exit
        throw $problem
    }

    function Get-Target {
        # The processor itself, not what an emulated PowerShell is told.
        $machine = $env:PROCESSOR_ARCHITEW6432
        if (-not $machine) { $machine = $env:PROCESSOR_ARCHITECTURE }
        switch ($machine) {
            'AMD64' { return 'windows-x86_64' }
            'ARM64' {
                # Windows 11 on ARM runs x86_64 programs.
                if ($Pins.ContainsKey('windows-aarch64')) { return 'windows-aarch64' }
                return 'windows-x86_64'
            }
        }
        return "windows-$machine"
    }

    function Test-UrlAllowed([Uri] $Url) {
        if ($Url.Scheme -eq 'https') { return $true }
        if ($Url.Scheme -ne 'http') { return $false }
        return ($Url.IsLoopback -or $env:OFFGRID_SETUP_ALLOW_HTTP -eq '1')
    }

    # Downloads into a file, never more than Max bytes. Redirects are followed by hand, so that each
    # address is looked at: .NET would go from https to http without a word.
    function Save-Url([string] $Url, [string] $Path, [long] $Max) {
        $at = [Uri] $Url
        for ($hop = 0; $hop -le 5; $hop++) {
            if (-not (Test-UrlAllowed $at)) { throw 'it is not https' }
            $request = [Net.HttpWebRequest] [Net.WebRequest]::Create($at)
            $request.AllowAutoRedirect = $false
            $request.Timeout = $stallMilliseconds
            $request.ReadWriteTimeout = $stallMilliseconds
            $request.UserAgent = "offgrid-install/$ProductVersion"
            if ($request.Proxy) { $request.Proxy.Credentials = [Net.CredentialCache]::DefaultCredentials }
            $answer = $request.GetResponse()
            try {
                $status = [int] $answer.StatusCode
                if ($status -ge 300 -and $status -lt 400) {
                    $next = New-Object Uri ($at, $answer.Headers['Location'])
                    if ($at.Scheme -eq 'https' -and $next.Scheme -ne 'https') { throw 'it leads to an address without https' }
                    $at = $next
                    continue
                }
                if ($answer.ContentLength -gt $Max) { throw 'it sends more than the file should be' }
                $from = $answer.GetResponseStream()
                $to = [IO.File]::Create($Path)
                try {
                    $buffer = New-Object byte[] 65536
                    $total = [long] 0
                    while (($count = $from.Read($buffer, 0, $buffer.Length)) -gt 0) {
                        $total += $count
                        if ($total -gt $Max) { throw 'it sends more than the file should be' }
                        $to.Write($buffer, 0, $count)
                    }
                } finally { $to.Dispose(); $from.Dispose() }
                return
            } finally { $answer.Dispose() }
        }
        throw 'it leads in circles'
    }

    # PowerShell wraps what .NET throws; people need the innermost reason.
    function Get-Reason($Record) {
        $e = $Record.Exception
        while ($e.InnerException) { $e = $e.InnerException }
        return ($e.Message -replace '[^\x20-\x7e\u00a0-\uffff]', ' ')
    }

    # An HTTP error like 404 stays; everything else about a connection may pass.
    function Test-WorthRetrying($Record) {
        $e = $Record.Exception
        while ($e -and -not ($e -is [Net.WebException])) { $e = $e.InnerException }
        if (-not $e) { return $false }
        if (-not $e.Response) { return $true }
        $status = [int] $e.Response.StatusCode
        return ($status -ge 500 -or $status -eq 408 -or $status -eq 429)
    }

    # Start-Process and `&` of 5.1 lose quotes and empty words; this is the rule that programs undo.
    function Join-Words([string[]] $List) {
        $quoted = foreach ($word in $List) {
            if ($word -ne '' -and $word -notmatch '[\s"]') { $word; continue }
            '"' + (($word -replace '(\\*)"', '$1$1\"') -replace '(\\+)$', '$1$1') + '"'
        }
        return ($quoted -join ' ')
    }

    function Get-AskedSource {
        for ($i = 0; $i -lt $Words.Count; $i++) {
            if ($Words[$i] -eq '--') { break }
            if ($Words[$i] -eq '--source' -and $i + 1 -lt $Words.Count) { return $Words[$i + 1] }
            if ($Words[$i].StartsWith('--source=')) { return $Words[$i].Substring(9) }
        }
        return $env:OFFGRID_SETUP_SOURCE
    }

    # One source: $null when the file is there and right, else why not.
    function Get-FromSource([string] $Source, [string] $File, [string] $Hex, [long] $Size) {
        for ($try = 1; $try -le $attempts; $try++) {
            try {
                if ($Source -match '^[A-Za-z][A-Za-z0-9+.-]+://') {
                    Save-Url ($Source.TrimEnd('/') + "/blob/sha256/$Hex") $File $Size
                } else {
                    Copy-Item -LiteralPath (Join-Path $Source "blob\sha256\$Hex") -Destination $File
                }
                break
            } catch {
                if ($try -eq $attempts -or -not (Test-WorthRetrying $_)) {
                    return @{ Code = 'E_UNREACHABLE'; Why = (Get-Reason $_) }
                }
                Write-Line "  $(Get-Reason $_); trying again"
                Start-Sleep -Seconds $try
            }
        }
        $length = (Get-Item -LiteralPath $File).Length
        if ($length -ne $Size) { return @{ Code = 'E_SIZE'; Why = "it sent $length bytes instead of $Size" } }
        $seen = (Get-FileHash -LiteralPath $File -Algorithm SHA256).Hash
        if ($seen -ne $Hex) {   # -ne ignores case, and Get-FileHash writes capitals
            return @{ Code = 'E_HASH'; Why = 'what it sent is not the file that was published (wrong SHA-256)' }
        }
        return $null
    }

    function Get-Program([string] $File, [string] $Target, [string] $Hex, [long] $Size) {
        $asked = Get-AskedSource
        if ($asked -and $asked -match '://' -and -not (Test-UrlAllowed ([Uri] $asked))) {
            Stop-Install 2 'E_USAGE' "the source $asked cannot be used: it must begin with https://." @(
                'Without https others on the network can watch. If that is fine here, type first:',
                '  $env:OFFGRID_SETUP_ALLOW_HTTP = ''1''')
        }
        $tried = @()
        $bad = ''
        foreach ($source in @($asked) + @($Sources)) {
            if (-not $source) { continue }
            $name = $source -replace '^[A-Za-z]+://(?:[^/@]*@)?([^/]*).*$', '$1'
            Write-Line "Getting OffGrid Setup $ProductVersion for $Target ($([math]::Ceiling($Size / 1024)) KiB) from $name"
            $problem = Get-FromSource $source $File $Hex $Size
            if (-not $problem) { return }
            Write-Line "  ${name}: $($problem.Why)"
            $tried += "${name}: $($problem.Why)"
            if ($problem.Code -eq 'E_HASH' -or ($problem.Code -eq 'E_SIZE' -and -not $bad)) { $bad = $problem.Code }
            if (Test-Path -LiteralPath $File) { Remove-Item -LiteralPath $File -Force }
        }
        if ($bad) {
            Stop-Install 5 $bad 'OffGrid Setup could not be downloaded unchanged. Nothing was started.' ($tried + @(
                    'Often a login page of the network or a filter answers instead. Open a web page to see,',
                    'then start this again.'))
        }
        Stop-Install 4 'E_UNREACHABLE' 'OffGrid Setup could not be downloaded.' ($tried + @(
                'Check the network and start this again. A mirror or a stick works too:',
                '  $env:OFFGRID_SETUP_SOURCE = ''URL or folder'''))
    }

    function Start-Install {
        if (-not $ProductVersion -or $Sources.Count -eq 0 -or $Pins.Count -eq 0 -or $ReleaseKeys.Count -eq 0 -or $ReleaseThreshold -lt 1) {
            Stop-Install 3 'E_UNSUPPORTED' 'this is the template of the install script, not a published one: it names no program to install.' @(
                'Use the one of a release:  irm https://offgrid-llm.io/install.ps1 | iex')
        }
        $target = Get-Target
        if (-not $Pins.ContainsKey($target)) {
            Stop-Install 3 'E_UNSUPPORTED' "there is no OffGrid Setup for this machine ($target)." @(
                "There is one for: $(($Pins.Keys | Sort-Object) -join ' ').")
        }
        $hex = [string] $Pins[$target][0]
        $size = [long] $Pins[$target][1]
        if ($hex -notmatch '^[0-9a-f]{64}$') {
            Stop-Install 5 'E_PARSE' 'this copy of the install script is damaged.' @('Download it again from where you got it.')
        }
        # 5.1 on older Windows still offers TLS 1.0 first. 12288 is TLS 1.3, which old .NET does not know.
        try { [Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType] (3072 -bor 12288) }
        catch { [Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12 }

        # The user's own Temp, which others cannot write to, and a name nobody can have prepared.
        $parent = if ($env:LOCALAPPDATA) { Join-Path $env:LOCALAPPDATA 'Temp' } else { [IO.Path]::GetTempPath() }
        $work = Join-Path $parent ('offgrid-setup-' + [Guid]::NewGuid().ToString('N'))
        try { $null = New-Item -ItemType Directory -Path $work }
        catch { Stop-Install 8 'E_PERM' "the folder $work could not be made." @((Get-Reason $_)) }
        try {
            $file = Join-Path $work 'offgrid-setup.exe'
            Get-Program $file $target $hex $size
            Write-Line 'Checked: size and SHA-256.'
            # Words that begin with `-` are options of `install`; a command is passed on as it is.
            $all = @($Words)
            if ($all.Count -eq 0 -or $all[0].StartsWith('-')) { $all = @('install') + $all }
            $start = New-Object Diagnostics.ProcessStartInfo
            $start.FileName = $file
            $start.Arguments = Join-Words $all
            $start.UseShellExecute = $false   # same window, same input, same environment
            try { $process = [Diagnostics.Process]::Start($start) }
            catch { Stop-Install 8 'E_PERM' "Windows refused to start OffGrid Setup from $work." @((Get-Reason $_)) }
            $process.WaitForExit()
            return $process.ExitCode
        } finally {
            # A virus scanner may still read it for a moment.
            for ($i = 0; $i -lt 5 -and (Test-Path -LiteralPath $work); $i++) {
                Remove-Item -LiteralPath $work -Recurse -Force -ErrorAction SilentlyContinue
                if (Test-Path -LiteralPath $work) { Start-Sleep -Milliseconds 300 }
            }
        }
    }

    $result = 1
    try { $result = [int] (Start-Install | Select-Object -Last 1) }
    catch {
        [Console]::Error.WriteLine($_.Exception.Message)
        if ($_.Exception.Data.Contains('offgrid-exit')) { $result = [int] $_.Exception.Data['offgrid-exit'] }
    }
    $global:LASTEXITCODE = $result
    if ($PSCommandPath) { exit $result }
} -Words $args

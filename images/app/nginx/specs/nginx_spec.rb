describe package('nginx-light') do
  it { should be_installed }
end

describe service('nginx') do
  it { should be_enabled }
end

describe file('/var/www/html/index.html') do
  it { should be_file }
  it { should be_mode 644 }
  its(:content) { should match(%r{<h1>Baked</h1>}) }
end

describe user('www-data') do
  it { should exist }
  it { should belong_to_group 'www-data' }
end

describe command('nginx -t') do
  its(:exit_status) { should eq 0 }
  its(:stderr) { should match(/syntax is ok/) }
end
